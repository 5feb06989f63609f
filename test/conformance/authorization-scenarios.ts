// Owns the authorization scenarios: the suite as an OAuth client, and a person who approves what it asks for.

import { freePort } from '../support/local-server.ts'
import { judge } from './comparison.ts'
import type { GatewayUnderTest } from './gateway.ts'
import type { Section } from './report.ts'
import { type Outcome, runSuite } from './suite.ts'

/** Every revision that has an authorization chapter; the checks of each differ a little. */
export const AUTHORIZATION_REVISIONS = ['2025-03-26', '2025-06-18', '2025-11-25', '2026-07-28']

const SCENARIOS: ReadonlySet<string> = new Set([
  'authorization-server-metadata-endpoint',
  'authorization-code-grant',
])

export async function runAuthorizationScenarios(
  revision: string,
  gateway: GatewayUnderTest,
): Promise<Section> {
  const port = await freePort()
  const clientId = await gateway.registerClient(`http://127.0.0.1:${port}/callback`)
  const server = ['--url', gateway.issuer, '--resource', gateway.mcpUrl, '--spec-version', revision]
  const client = ['--client-id', clientId, '--port', String(port)]
  const outcome = await runWithPerson(['authorization', ...server, ...client], gateway)
  return { title: `Authorization scenarios of ${revision}`, rows: judge(outcome, SCENARIOS) }
}

function runWithPerson(args: readonly string[], gateway: GatewayUnderTest): Promise<Outcome> {
  // Without its person the suite would wait for minutes.
  const givingUp = new AbortController()
  const onLine = (line: string) => {
    if (isAuthorizationRequest(line)) gateway.approve(line).catch((error) => givingUp.abort(error))
  }
  return runSuite(args, { onLine, signal: givingUp.signal })
}

/** The suite prints the address that a person is to open, on a line of its own. */
function isAuthorizationRequest(line: string): boolean {
  return URL.parse(line)?.searchParams.get('response_type') === 'code'
}
