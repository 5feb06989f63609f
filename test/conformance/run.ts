// Owns `npm run conformance`: the MCP conformance suite against Gatehouse, and one line of numbers at the end.

import { startEverythingServer } from '../support/everything-server.ts'
import { AUTHORIZATION_REVISIONS, runAuthorizationScenarios } from './authorization-scenarios.ts'
import { runBridgeScenarios } from './bridge-scenarios.ts'
import { runClientScenarios } from './client-scenarios.ts'
import { STARTERS } from './gateway.ts'
import { type Options, readOptions, USAGE } from './options.ts'
import { formatSection, formatTotals, type Section, totalsOf } from './report.ts'
import { runServerScenarios } from './server-scenarios.ts'
import { runTaskScenarios, TASKS_REVISION } from './task-scenarios.ts'

process.exitCode = await main(process.argv.slice(2))

async function main(args: readonly string[]): Promise<number> {
  let options: Options
  try {
    options = readOptions(args)
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : error}\n\n${USAGE}`)
    return 2
  }
  const sections: Section[] = []
  for await (const section of runParts(options)) {
    console.log(formatSection(section))
    sections.push(section)
  }
  console.log(formatTotals(sections))
  return totalsOf(sections).failed === 0 ? 0 : 1
}

async function* runParts({ parts, revisions, gateway: kind }: Options): AsyncGenerator<Section> {
  await using stack = new AsyncDisposableStack()
  const upstream = await startEverythingServer()
  stack.defer(() => upstream.close())
  const gateway = await STARTERS[kind](upstream.url)
  stack.defer(() => gateway.close())
  if (parts.includes('server')) {
    for (const revision of revisions) yield await runServerScenarios(revision, upstream.url, gateway)
  }
  if (parts.includes('server') && kind === 'gatehouse' && revisions.includes(TASKS_REVISION))
    yield await runTaskScenarios()
  if (parts.includes('bridge')) {
    for (const revision of revisions) yield await runBridgeScenarios(revision, upstream.url, STARTERS[kind])
  }
  if (parts.includes('authorization')) {
    for (const revision of AUTHORIZATION_REVISIONS) yield await runAuthorizationScenarios(revision, gateway)
  }
  if (parts.includes('client')) yield* runClientScenarios(revisions)
}
