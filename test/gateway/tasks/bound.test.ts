// Owns the proof that a task belongs to whoever made it, at an upstream that cannot tell one person from another.

import t from 'tap'
import { startHostileUpstream } from '../../support/hostile-upstream.ts'
import { serveTasks } from '../../support/tasks-server.ts'
import { errorOf, send } from '../stage.ts'
import { ask, beginTask, requestAs, setReplicas, setTasks } from './tasks-stage.ts'

const STRANGER = { claims: { sub: 'usr_bob' } }
const OTHER_APP = { claims: { client_id: 'client-2' } }
const METHODS = ['tasks/get', 'tasks/update', 'tasks/cancel']

for (const events of [false, true])
  t.test(
    `whoever made a task follows it to its end, at either replica, ${events ? 'streamed' : 'in JSON'}`,
    async (t) => {
      const upstream = await serveTasks(t, { events })
      const [one, other] = await setReplicas(t, [{ url: upstream.url }])
      const taskId = await beginTask(one)
      const [id = ''] = upstream.ids()
      t.notMatch(taskId, id)
      t.match((await ask(other, 'tasks/get', { taskId })).json.result, {
        resultType: 'complete',
        taskId,
        status: 'working',
      })

      upstream.ask(id)
      const asked = await ask(one, 'tasks/get', { taskId })
      t.match(asked.json.result, { taskId, status: 'input_required', inputRequests: { name: {} } })
      const inputResponses = { name: { action: 'accept', content: { name: 'Ann' } } }
      t.match((await ask(other, 'tasks/update', { taskId, inputResponses })).json.result, {
        resultType: 'complete',
      })
      t.strictSame(upstream.done.get(id), inputResponses)

      upstream.complete(id, { content: [{ type: 'text', text: 'the secret of Ann' }] })
      const completed = await ask(other, 'tasks/get', { taskId })
      t.match(completed.json.result, {
        taskId,
        status: 'completed',
        result: { content: [{ text: 'the secret of Ann' }] },
      })
      t.notMatch(completed.text, id, 'the upstream knows it by another id')
    },
  )

t.test('nobody else can do anything with a task, whatever they know of it', async (t) => {
  const upstream = await serveTasks(t)
  const [one, other] = await setReplicas(t, [{ url: upstream.url }])
  const taskId = await beginTask(one)
  const [id = ''] = upstream.ids()
  const before = upstream.asked.length
  for (const stage of [one, other])
    for (const method of METHODS) {
      for (const somebody of [STRANGER, OTHER_APP]) {
        const answer = await ask(stage, method, { taskId, inputResponses: {} }, somebody)
        t.strictSame(
          errorOf(answer),
          { code: -32602, message: 'Task not found' },
          `${method} of ${JSON.stringify(somebody)}`,
        )
      }
      for (const known of [id, `notes.${id}`, `${taskId.slice(0, -3)}AAA`, `other${taskId.slice(5)}`, ''])
        t.strictSame(errorOf(await ask(stage, method, { taskId: known }, STRANGER)), {
          code: -32602,
          message: 'Task not found',
        })
      t.match(
        errorOf(await ask(stage, method, { taskId: id })),
        { code: -32602 },
        'not even its owner by that id',
      )
    }
  t.notOk(
    upstream.asked.slice(before).some((each) => each.startsWith('tasks/')),
    'the upstream was not asked',
  )
  t.equal(upstream.done.size, 0)
  t.match((await ask(other, 'tasks/cancel', { taskId })).json.result, { resultType: 'complete' })
  t.equal(upstream.done.get(id), 'cancelled')
})

t.test('a client that does not declare tasks gets the error that says so', async (t) => {
  const upstream = await serveTasks(t)
  const stage = await setTasks(t, [{ url: upstream.url }])
  const taskId = await beginTask(stage)
  const without = { capabilities: {} }
  const data = { requiredCapabilities: { extensions: { 'io.modelcontextprotocol/tasks': {} } } }
  for (const method of METHODS) {
    for (const known of [taskId, 'made-up']) {
      const answer = await ask(stage, method, { taskId: known }, without)
      t.equal(answer.status, 400)
      t.match(errorOf(answer), { code: -32021, data })
    }
    t.notOk(errorOf(await ask(stage, method, { taskId, inputResponses: {} })).code)
  }
  t.match(errorOf(await ask(stage, 'tools/call', { name: 'change' }, without)), { code: -32021, data })
  const listening = await ask(
    stage,
    'subscriptions/listen',
    { notifications: { taskIds: [taskId] } },
    without,
  )
  t.equal(listening.status, 400)
  t.match(errorOf(listening), { code: -32021, data })
})

t.test(
  'an upstream without tasks has none of their methods either, and its calls pass as they are',
  async (t) => {
    const upstream = await serveTasks(t, { extension: false })
    const stage = await setTasks(t, [{ url: upstream.url }])
    for (const method of [...METHODS, 'tasks/list', 'tasks/result']) {
      const answer = await ask(stage, method, { taskId: 'made-up' })
      t.equal(answer.status, 404, method)
      t.match(errorOf(answer), { code: -32601 })
    }
    const called = await ask(stage, 'tools/call', { name: 'look', arguments: { quick: true } })
    t.equal(
      called.text,
      '{"jsonrpc":"2.0","id":1,"result":{"resultType":"complete","content":[{"type":"text","text":"look is done"}]}}',
    )
  },
)

t.test('an answer of any length that it tells passes to a client that follows tasks', async (t) => {
  const upstream = await startHostileUpstream(t)
  const stage = await setTasks(t, [{ url: upstream.url }])
  const text = 'x'.repeat(17 * 1024 * 1024)
  const body = JSON.stringify({ jsonrpc: '2.0', id: 1, result: { content: [{ type: 'text', text }] } })
  upstream.answer((_, res) => {
    res.writeHead(200, { 'content-type': 'application/json', 'content-length': body.length }).end(body)
  })
  const large = await ask(stage, 'tools/call', { name: 'look', arguments: {} })
  t.equal(large.status, 200)
  t.ok(large.text === body)
})

t.test('what 2025-11-25 had besides does not reach an upstream of today', async (t) => {
  const upstream = await serveTasks(t)
  const stage = await setTasks(t, [{ url: upstream.url }])
  const taskId = await beginTask(stage)
  for (const method of ['tasks/list', 'tasks/result']) {
    const answer = await ask(stage, method, { taskId })
    t.equal(answer.status, 404)
    t.match(errorOf(answer), { code: -32601 })
  }
  t.notOk(upstream.asked.includes('tasks/list'))
  t.match((await ask(stage, 'tasks/get', { taskId })).json.result, { taskId })
})

t.test('a request about a task has to name it in its header', async (t) => {
  const upstream = await serveTasks(t)
  const stage = await setTasks(t, [{ url: upstream.url }])
  const taskId = await beginTask(stage)
  for (const method of METHODS) {
    const good = await requestAs(stage, method, { taskId, inputResponses: {} })
    const { 'mcp-name': _, ...unnamed } = good.headers ?? {}
    for (const headers of [unnamed, { ...unnamed, 'mcp-name': 'another' }]) {
      const answer = await send(stage, { ...good, headers })
      t.equal(answer.status, 400, method)
      t.match(errorOf(answer), { code: -32020 })
    }
    t.equal((await send(stage, good)).status, 200, method)
  }
})
