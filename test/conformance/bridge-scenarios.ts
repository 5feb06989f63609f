// Owns the server scenarios of one revision at an upstream of the other era: what the bridge of the gateway makes of it.

import { startEverythingServer } from '../support/everything-server.ts'
import { DIFFERENCES, explain } from './bridge-differences.ts'
import { compare } from './comparison.ts'
import type { StartGateway } from './gateway.ts'
import type { Section } from './report.ts'
import { requiredScenarios, runSuite } from './suite.ts'
import { startTokenProxy } from './token-proxy.ts'

/** The bare side is a server of the revision's own era: what a client of that revision expects. */
export async function runBridgeScenarios(
  revision: string,
  bareUrl: string,
  start: StartGateway,
): Promise<Section> {
  await using stack = new AsyncDisposableStack()
  const era = revision === '2026-07-28' ? 'legacy' : 'modern'
  const upstream = await startEverythingServer({ eras: new Set([era]) })
  stack.defer(() => upstream.close())
  const gateway = await start(upstream.url)
  stack.defer(() => gateway.close())
  const proxy = await startTokenProxy(gateway.mcpUrl, await gateway.signIn())
  stack.defer(() => proxy.close())
  const bare = await runSuite(['server', '--url', bareUrl, '--requirements', revision])
  const bridged = await runSuite(['server', '--url', proxy.url, '--requirements', revision])
  const rows = compare(bare, bridged, await requiredScenarios(revision))
  return {
    title: `Server scenarios of ${revision}: bare, and through ${gateway.name} at a ${era} upstream`,
    rows: explain(rows, DIFFERENCES[revision] ?? []),
  }
}
