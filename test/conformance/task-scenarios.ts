// Owns the server scenarios of the tasks extension: against a server that has tasks, then through the gateway.

import { freePort } from '../support/local-server.ts'
import { serveTasks } from '../support/tasks-server.ts'
import { compare } from './comparison.ts'
import { startGatehouse } from './gatehouse.ts'
import { JOBS } from './jobs.ts'
import type { Section } from './report.ts'
import { type Outcome, runSuite } from './suite.ts'
import { startTokenProxy } from './token-proxy.ts'

/** All that the suite has but `tasks-status-notifications`, which it skips by itself. */
const SCENARIOS = [
  'tasks-lifecycle',
  'tasks-capability-negotiation',
  'tasks-wire-fields',
  'tasks-request-state-removal',
  'tasks-mrtr-input',
  'tasks-request-headers',
  'tasks-dispatch-and-envelope',
  'tasks-required-task-error',
  'tasks-mrtr-composition',
]

export const TASKS_REVISION = '2026-07-28'

export async function runTaskScenarios(): Promise<Section> {
  await using stack = new AsyncDisposableStack()
  const upstream = await serveTasks(
    { teardown: (close) => stack.defer(async () => void (await close())) },
    { jobs: JOBS },
  )
  const gateway = await startGatehouse(upstream.url, await freePort())
  stack.defer(() => gateway.close())
  const proxy = await startTokenProxy(gateway.mcpUrl, await gateway.signIn())
  stack.defer(() => proxy.close())
  const rows = compare(await runAll(upstream.url), await runAll(proxy.url), new Set(SCENARIOS))
  return { title: 'Server scenarios of the tasks extension: bare, and through Gatehouse', rows }
}

async function runAll(url: string): Promise<Outcome> {
  const found = await Promise.all(
    SCENARIOS.map((scenario) => runSuite(['server', '--url', url, '--scenario', scenario])),
  )
  return new Map(found.flatMap((outcome) => [...outcome]))
}
