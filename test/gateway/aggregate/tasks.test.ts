// Owns the proof that tasks of several servers are followed at one address, each with the server that works on it.

import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client'
import t from 'tap'
import * as z from 'zod'
import { serveTasks } from '../../support/tasks-server.ts'
import { errorOf, PUBLIC_URL, type Stage, type Teardown } from '../stage.ts'
import { ask, beginTask, FOLLOWS, setReplicas, setTasks } from '../tasks/tasks-stage.ts'
import { demoAt } from './town.ts'

const ALL = { path: '/mcp', claims: { scope: 'home work' } }
const TASK = z.looseObject({ taskId: z.string(), status: z.string() })

async function town(t: Teardown) {
  const [home, work] = [await serveTasks(t), await serveTasks(t)]
  const servers = [
    { name: 'home', url: home.url },
    { name: 'work', url: work.url },
  ]
  return { home, work, servers }
}

async function sdkClient(t: Teardown, stage: Stage): Promise<Client> {
  const client = new Client(
    { name: 'follower', version: '1' },
    { capabilities: FOLLOWS, versionNegotiation: { mode: { pin: '2026-07-28' } } },
  )
  const token = await stage.token({ aud: `${PUBLIC_URL}/mcp`, scope: 'home work' })
  const requestInit = { headers: { authorization: `Bearer ${token}` } }
  await client.connect(new StreamableHTTPClientTransport(new URL('/mcp', stage.origin), { requestInit }))
  t.teardown(() => client.close())
  return client
}

t.test('a task is got, updated and cancelled where it was made, at any replica', async (t) => {
  const { home, work, servers } = await town(t)
  const [one, other] = await setReplicas(t, servers)
  const taskId = await beginTask(one, 'work_change', ALL)
  t.match(taskId, /^work\./)
  t.strictSame([home.ids().length, work.ids().length], [0, 1])
  const [id = ''] = work.ids()
  t.match((await ask(other, 'tasks/get', { taskId }, ALL)).json.result, { taskId, status: 'working' })
  work.ask(id)
  const asked = await ask(one, 'tasks/get', { taskId }, ALL)
  t.match(asked.json.result, { taskId, inputRequests: { name: { method: 'elicitation/create' } } })
  const inputResponses = { name: { action: 'decline' } }
  t.match((await ask(other, 'tasks/update', { taskId, inputResponses }, ALL)).json.result, {
    resultType: 'complete',
  })
  t.strictSame(work.done.get(id), inputResponses)
  t.match((await ask(one, 'tasks/cancel', { taskId }, ALL)).json.result, { resultType: 'complete' })
  t.equal(work.done.get(id), 'cancelled')
  t.notOk(home.asked.some((each) => each.startsWith('tasks/')))
})

t.test(
  'what a task came to is in the words of this address, and the same at that of its server',
  async (t) => {
    const { home, servers } = await town(t)
    const stage = await setTasks(t, servers)
    const taskId = await beginTask(stage, 'home_look', ALL)
    const link = { type: 'resource_link', uri: 'file:///a', name: 'a' }
    home.complete(home.ids()[0] ?? '', { content: [link] })
    const here = await ask(stage, 'tasks/get', { taskId }, ALL)
    t.match(here.json.result, { status: 'completed', result: { content: [{ uri: 'mcp+home+file:///a' }] } })
    const there = await ask(stage, 'tasks/get', { taskId }, { path: '/mcp/home', claims: { scope: 'home' } })
    t.match(there.json.result, { taskId, status: 'completed', result: { content: [{ uri: 'file:///a' }] } })
  },
)

t.test('a task of somebody else is not there, nor is one of no server', async (t) => {
  const { work, servers } = await town(t)
  const stage = await setTasks(t, servers)
  const taskId = await beginTask(stage, 'work_look', ALL)
  const stranger = { path: '/mcp', claims: { sub: 'usr_bob', scope: 'home work' } }
  for (const method of ['tasks/get', 'tasks/update', 'tasks/cancel']) {
    const of = (known: string, who: object) => ask(stage, method, { taskId: known, inputResponses: {} }, who)
    t.match(errorOf(await of(taskId, stranger)), { code: -32602, message: 'Task not found' })
    for (const known of [work.ids()[0] ?? '', taskId.replace('work.', 'home.'), 'nobody.at-all', ''])
      t.match(errorOf(await of(known, ALL)), { code: -32602, message: 'Task not found' })
    t.notOk(errorOf(await of(taskId, ALL)).code)
  }
  for (const method of ['tasks/list', 'tasks/result']) {
    const answer = await ask(stage, method, { taskId }, ALL)
    t.equal(answer.status, 404)
    t.match(errorOf(answer), { code: -32601 })
  }
})

t.test('tasks are offered to whoever may use a server that has them', async (t) => {
  const tasks = await serveTasks(t)
  const servers = [{ name: 'work', url: tasks.url }, await demoAt(t, 'home')]
  const stage = await setTasks(t, servers)
  const extensionsFor = async (scope: string) => {
    const { json } = await ask(stage, 'server/discover', {}, { path: '/mcp', claims: { scope } })
    return JSON.stringify(json.result).includes('io.modelcontextprotocol/tasks')
  }
  t.equal(await extensionsFor('home work'), true)
  t.equal(await extensionsFor('work:read'), true)
  t.equal(await extensionsFor('home'), false)
})

t.test('the client of the SDK follows a task by the words that it has for it', async (t) => {
  const { work, servers } = await town(t)
  const stage = await setTasks(t, servers)
  const client = await sdkClient(t, stage)
  t.match(client.getServerCapabilities(), { extensions: { 'io.modelcontextprotocol/tasks': {} } })
  const taskId = await beginTask(stage, 'work_look', ALL)
  t.match(await client.request({ method: 'tasks/get', params: { taskId } }, TASK), {
    taskId,
    status: 'working',
  })
  work.complete(work.ids()[0] ?? '', { content: [] })
  t.match(await client.request({ method: 'tasks/get', params: { taskId } }, TASK), { status: 'completed' })
  const called = await client.callTool({ name: 'work_look', arguments: { quick: true } })
  t.match(called, { content: [{ text: 'look is done' }] })
})
