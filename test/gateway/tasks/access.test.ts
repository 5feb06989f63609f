// Owns the proof that what is done with a task takes what the tool takes that made it: scopes and policy alike.

import t from 'tap'
import { loadConfig } from '../../../src/config/config.ts'
import { createStandingPolicy } from '../../../src/oauth/standing-policy.ts'
import { serveTasks } from '../../support/tasks-server.ts'
import { errorOf, until } from '../stage.ts'
import { ask, beginTask, listening, type Servers, setTasks } from './tasks-stage.ts'

const METHODS = ['tasks/get', 'tasks/update', 'tasks/cancel']

async function twoServers(t: { teardown(close: () => Promise<unknown>): unknown }): Promise<Servers> {
  return [
    { name: 'notes', url: (await serveTasks(t)).url },
    { name: 'jobs', url: (await serveTasks(t)).url },
  ]
}

for (const [path, prefix] of [
  ['/mcp/notes', ''],
  ['/mcp', 'notes_'],
] as const) {
  t.test(`the scope of the tool is enough, and what is less is not, at ${path}`, async (t) => {
    const stage = await setTasks(t, await twoServers(t))
    const all = { path, claims: { scope: 'notes jobs' } }
    const reading = { path, claims: { scope: 'notes:read jobs' } }
    const looked = await beginTask(stage, `${prefix}look`, all)
    const changed = await beginTask(stage, `${prefix}change`, all)
    for (const method of METHODS) {
      const params = { taskId: looked, inputResponses: {} }
      t.notOk(errorOf(await ask(stage, method, params, reading)).code, `${method} of what only reads`)
      t.match(stage.events.at(-1), { upstream: 'notes', method, tool: 'look', subject: 'usr_alice' })
      const refused = await ask(stage, method, { ...params, taskId: changed }, reading)
      t.equal(refused.status, 403, `${method} of what changes`)
      t.match(refused.headers['www-authenticate'], /error="insufficient_scope", .*scope="(jobs )?notes"/)
      t.match(errorOf(refused), { message: 'Tool change needs more permission.' })
      t.notOk(errorOf(await ask(stage, method, { ...params, taskId: changed }, all)).code)
    }
    const both = { notifications: { taskIds: [looked, changed] } }
    t.equal((await ask(stage, 'subscriptions/listen', both, reading)).status, 403)
    t.equal(
      (await ask(stage, 'tasks/get', { taskId: looked }, { path, claims: { scope: 'jobs' } })).status,
      403,
    )
  })

  t.test(`a task of a tool that the policy has forbidden since is out of reach, at ${path}`, async (t) => {
    const policy = createStandingPolicy(null)
    const stage = await setTasks(t, await twoServers(t), { policy })
    const all = { path, claims: { scope: 'notes jobs' } }
    const looked = await beginTask(stage, `${prefix}look`, all)
    const changed = await beginTask(stage, `${prefix}change`, all)
    t.match((await ask(stage, 'tasks/get', { taskId: changed }, all)).json.result, { taskId: changed })
    policy.replace(policyOf({ rules: [{ tools: ['change'], effect: 'deny' }] }))
    for (const method of METHODS) {
      const refused = await ask(stage, method, { taskId: changed, inputResponses: {} }, all)
      t.equal(refused.status, 403)
      t.match(errorOf(refused), { message: /^Tool change is not allowed here/ })
      t.notOk(errorOf(await ask(stage, method, { taskId: looked, inputResponses: {} }, all)).code)
    }
    const listening = { notifications: { taskIds: [changed] } }
    t.equal((await ask(stage, 'subscriptions/listen', listening, all)).status, 403)
  })
}

t.test('rules about methods hold beside those about tools', async (t) => {
  const rules = [{ methods: ['tasks/cancel'], effect: 'deny', reason: 'Let it run.' }]
  const stage = await setTasks(t, await twoServers(t), { policy: createStandingPolicy(policyOf({ rules })) })
  const taskId = await beginTask(stage)
  t.match(errorOf(await ask(stage, 'tasks/cancel', { taskId })), { message: /Let it run/ })
  t.notOk(errorOf(await ask(stage, 'tasks/get', { taskId })).code)
})

t.test('a condition on arguments was judged when the task was made', async (t) => {
  const rules = [
    { tools: ['change'], arguments: { required: ['amount'] }, effect: 'deny' },
    { tools: ['look'], effect: 'deny' },
  ]
  const stage = await setTasks(t, await twoServers(t), { policy: createStandingPolicy(policyOf({ rules })) })
  const refused = await ask(stage, 'tools/call', { name: 'change', arguments: { amount: 1 } })
  t.equal(refused.status, 403)
  const taskId = await beginTask(stage)
  t.match((await ask(stage, 'tasks/get', { taskId })).json.result, { taskId })
})

t.test('a listener hears no more of a task whose tool is forbidden while it listens', async (t) => {
  const upstream = await serveTasks(t)
  const policy = createStandingPolicy(null)
  const stage = await setTasks(t, [{ url: upstream.url }], { policy })
  const looked = await beginTask(stage, 'look')
  const changed = await beginTask(stage, 'change')
  const [lookedId = '', changedId = ''] = upstream.ids()
  const heard = await listening(t, stage, [looked, changed])
  policy.replace(policyOf({ rules: [{ tools: ['change'], effect: 'deny' }] }))
  const listens = () => upstream.asked.filter((each) => each === 'subscriptions/listen').length
  await until(() => listens() === 2 && upstream.listeners() === 1)
  upstream.complete(changedId, { content: [] })
  upstream.complete(lookedId, { content: [] })
  await until(() => heard.tasks().length > 0)
  t.match(heard.tasks(), [{ taskId: looked }])
})

function policyOf(document: unknown) {
  const UPSTREAMS = '{"notes": {"url": "http://notes/mcp"}, "jobs": {"url": "http://jobs/mcp"}}'
  return loadConfig({ UPSTREAMS, POLICY: JSON.stringify(document) }).policy
}
