// Owns the proof that a subscription hears of the tasks of whoever listens, by the ids that they have here, and of no others.

import t from 'tap'
import { serveTasks } from '../../support/tasks-server.ts'
import { until } from '../stage.ts'
import { beginTask, listening, setReplicas, setTasks } from './tasks-stage.ts'

t.test('a task is heard of at another replica, by its handle', async (t) => {
  const upstream = await serveTasks(t)
  const [one, other] = await setReplicas(t, [{ url: upstream.url }])
  const taskId = await beginTask(one)
  const [id = ''] = upstream.ids()
  const heard = await listening(t, other, [taskId])
  t.strictSame(heard.acknowledged(), [taskId])
  upstream.complete(id, { content: [{ type: 'text', text: 'done' }] })
  await until(() => heard.tasks().length === 1)
  t.match(heard.tasks(), [{ taskId, status: 'completed', result: { content: [{ text: 'done' }] } }])
  t.notMatch(heard.text(), id)
})

t.test('nobody hears of the tasks of others, by whatever id', async (t) => {
  const upstream = await serveTasks(t)
  const stage = await setTasks(t, [{ url: upstream.url }])
  const theirs = await beginTask(stage)
  const mine = await beginTask(stage, 'look', { claims: { sub: 'usr_bob' } })
  const [theirId = '', myId = ''] = upstream.ids()
  const heard = await listening(t, stage, [theirs, theirId, mine, 'made-up'], { claims: { sub: 'usr_bob' } })
  t.strictSame(heard.acknowledged(), [mine])
  upstream.complete(theirId, { content: [] })
  upstream.complete(myId, { content: [] })
  await until(() => heard.tasks().length === 1)
  t.match(heard.tasks(), [{ taskId: mine }])
  t.notMatch(heard.text(), theirId)
})

t.test('an upstream that tells of what was not asked for is not repeated', async (t) => {
  const upstream = await serveTasks(t, { talkative: true })
  const stage = await setTasks(t, [{ url: upstream.url }])
  await beginTask(stage)
  const mine = await beginTask(stage, 'look', { claims: { sub: 'usr_bob' } })
  const [theirId = '', myId = ''] = upstream.ids()
  const heard = await listening(t, stage, [mine], { claims: { sub: 'usr_bob' } })
  upstream.complete(theirId, { content: [{ type: 'text', text: 'not for Bob' }] })
  upstream.complete(myId, { content: [] })
  await until(() => heard.tasks().length === 1)
  t.match(heard.tasks(), [{ taskId: mine }])
  t.notMatch(heard.text(), 'not for Bob')
})

t.test('at the aggregate, of tasks of several servers in one subscription', async (t) => {
  const [home, work] = [await serveTasks(t), await serveTasks(t)]
  const [one, other] = await setReplicas(t, [
    { name: 'home', url: home.url },
    { name: 'work', url: work.url },
  ])
  const all = { path: '/mcp', claims: { scope: 'home work' } }
  const atHome = await beginTask(one, 'home_change', all)
  const atWork = await beginTask(one, 'work_look', all)
  const heard = await listening(t, other, [atHome, atWork], all)
  t.strictSame(heard.acknowledged(), [atHome, atWork])
  const link = { type: 'resource_link', uri: 'file:///a', name: 'a' }
  work.complete(work.ids()[0] ?? '', { content: [link] })
  home.complete(home.ids()[0] ?? '', { content: [] })
  await until(() => heard.tasks().length === 2)
  t.match(
    heard.tasks().find(({ taskId }) => taskId === atWork),
    { status: 'completed', result: { content: [{ uri: 'mcp+work+file:///a' }] } },
  )
  t.ok(heard.tasks().some(({ taskId }) => taskId === atHome))

  const only = await listening(t, other, [atHome], all)
  t.strictSame(only.acknowledged(), [atHome])
})
