// Owns the client scenarios: the suite as upstream and authorization server, and Gatehouse as their client.

import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { freePort } from '../support/local-server.ts'
import { explain } from './bridge-differences.ts'
import { CLIENT_DIFFERENCES } from './client-differences.ts'
import { judge, type Row } from './comparison.ts'
import { startWithFile } from './gatehouse.ts'
import type { Section } from './report.ts'
import { extensionScenarios, requiredScenarios, runSuite } from './suite.ts'

/** Servers without any metadata, which later revisions do not know any more. */
const OLDEST = '2025-03-26'
const OF_THE_OLDEST = ['auth/2025-03-26-oauth-metadata-backcompat', 'auth/2025-03-26-oauth-endpoint-fallback']

const DRIVER = fileURLToPath(new URL('./client-driver.ts', import.meta.url))
/** Until a scenario says where its server is. */
const NOTHING_YET = JSON.stringify({ nothing: { url: 'http://127.0.0.1:1/mcp' } })

export async function* runClientScenarios(revisions: readonly string[]): AsyncGenerator<Section> {
  await using stack = new AsyncDisposableStack()
  const directory = await mkdtemp(join(tmpdir(), 'conformance-upstreams-'))
  stack.defer(() => rm(directory, { recursive: true, force: true }))
  const file = join(directory, 'upstreams.json')
  await writeFile(file, NOTHING_YET)
  const gatehouse = await startWithFile(file, await freePort())
  stack.defer(() => gatehouse.close())
  const env = { GATEHOUSE: gatehouse.issuer, GATEHOUSE_UPSTREAMS: file }
  for (const revision of [...revisions, OLDEST]) {
    const rows: Row[] = []
    for (const scenario of await scenariosOf(revision)) rows.push(await runOne(scenario, revision, env))
    yield { title: `Client scenarios of ${revision}: Gatehouse as the client of its upstream`, rows }
  }
}

/** Of authorization alone, with its extensions: what a gateway passes on is the client's own business. */
async function scenariosOf(revision: string): Promise<readonly string[]> {
  if (revision === OLDEST) return OF_THE_OLDEST
  const required = await requiredScenarios(revision, 'client')
  return [...required, ...(await extensionScenarios(revision))].filter((name) => name.startsWith('auth/'))
}

async function runOne(scenario: string, revision: string, env: Record<string, string>): Promise<Row> {
  const command = ['--command', `${process.execPath} ${DRIVER}`]
  // An extension belongs to no revision, and is left out at each without the last of these.
  const what = ['--scenario', scenario, '--spec-version', revision, '--timeout', '30000', '--force']
  const outcome = await runSuite(['client', ...command, ...what], { env, quiet: true })
  const [row] = explain(judge(outcome, new Set([scenario])), CLIENT_DIFFERENCES)
  if (row === undefined) throw new Error(`${scenario} did not run`)
  return row
}
