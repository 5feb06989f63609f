// Owns the server scenarios of one revision: against the bare upstream, then through the gateway.

import { compare } from './comparison.ts'
import type { GatewayUnderTest } from './gateway.ts'
import type { Section } from './report.ts'
import { requiredScenarios, runSuite } from './suite.ts'
import { startTokenProxy } from './token-proxy.ts'

export async function runServerScenarios(
  revision: string,
  upstream: string,
  gateway: GatewayUnderTest,
): Promise<Section> {
  const proxy = await startTokenProxy(gateway.mcpUrl, await gateway.signIn())
  try {
    const bare = await runSuite(serverRun(upstream, revision))
    const behind = await runSuite(serverRun(proxy.url, revision))
    const rows = compare(bare, behind, await requiredScenarios(revision))
    return { title: `Server scenarios of ${revision}: bare, and through ${gateway.name}`, rows }
  } finally {
    await proxy.close()
  }
}

function serverRun(url: string, revision: string): string[] {
  return ['server', '--url', url, '--requirements', revision]
}
