// Owns the proof that to know the id of somebody's task is of no use to anybody else, at any replica of the whole service.

import t from 'tap'
import { asking } from '../gateway/bridge/modern-stage.ts'
import { errorOf, send } from '../gateway/stage.ts'
import { FOLLOWS } from '../gateway/tasks/tasks-stage.ts'
import { serveTasks } from '../support/tasks-server.ts'
import { type Replica, startReplicas } from '../support/two-replicas.ts'

const METHODS = ['tasks/get', 'tasks/update', 'tasks/cancel']

t.test('a task is its maker’s alone, at either replica', async (t) => {
  const upstream = await serveTasks(t)
  const { first, second, origin, token } = await startReplicas(t, { upstream: upstream.url })
  const alice = await token()
  const others = [await token({ sub: 'usr_bob' }), await token({ client_id: 'client-2' })]

  const ask = (replica: Replica, who: string, method: string, params: Readonly<Record<string, unknown>>) => {
    const { headers, body } = asking(method, params, { token: who, capabilities: FOLLOWS })
    const { taskId } = params
    const named = typeof taskId === 'string' ? { 'mcp-name': taskId } : {}
    const own = { ...headers, ...named, host: new URL(origin).host }
    return send(replica, { path: '/mcp', token: who, headers: own, body })
  }

  const made = await ask(first, alice, 'tools/call', { name: 'change', arguments: {} })
  const { taskId } = Object(made.json.result)
  const [id = ''] = upstream.ids()
  upstream.complete(id, { content: [{ type: 'text', text: 'the secret of Alice' }] })

  for (const replica of [first, second]) {
    for (const who of others)
      for (const known of [taskId, id])
        for (const method of METHODS) {
          const answer = await ask(replica, who, method, { taskId: known, inputResponses: {} })
          t.strictSame(errorOf(answer), { code: -32602, message: 'Task not found' })
          t.notMatch(answer.text, 'the secret')
        }
    const own = await ask(replica, alice, 'tasks/get', { taskId })
    t.match(own.json.result, { taskId, result: { content: [{ text: 'the secret of Alice' }] } })
  }
  t.equal(upstream.done.size, 0)
  for (const { log } of [first, second]) t.notMatch(log(), taskId, 'no log repeats it')
})
