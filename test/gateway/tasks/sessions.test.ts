// Owns the proof that the tasks of 2025-11-25 belong to whoever made them as well, where a session passes to a server that does
// not tell one person from another.

import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import type { TaskStore } from '@modelcontextprotocol/sdk/experimental/tasks'
import { InMemoryTaskMessageQueue, InMemoryTaskStore } from '@modelcontextprotocol/sdk/experimental/tasks'
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js'
import { CallToolResultSchema, ElicitRequestSchema } from '@modelcontextprotocol/sdk/types.js'
import t from 'tap'
import { loadConfig } from '../../../src/config/config.ts'
import { createStandingPolicy } from '../../../src/oauth/standing-policy.ts'
import type { UpstreamAuth } from '../../../src/oauth/upstream-auth.ts'
import { serveLegacy } from '../bridge/legacy-upstream.ts'
import { type Claims, call, errorOf, type Stage, send, setStage, type Teardown } from '../stage.ts'

const IDENTITY: UpstreamAuth = {
  type: 'identity',
  header: 'x-person',
  prefix: '',
  audience: null,
  ttlSeconds: 60,
}
const STRANGER = { sub: 'usr_bob' }
const POLL_MS = 20
/** Before a question that nobody answers is given up. */
const LONGEST_MS = 4_000

/** Of one for all sessions, as a database would be. */
function withoutSessions(store: InMemoryTaskStore): TaskStore {
  return {
    createTask: (params, id, request) => store.createTask(params, id, request),
    getTask: (id) => store.getTask(id),
    storeTaskResult: (id, status, result) => store.storeTaskResult(id, status, result),
    getTaskResult: (id) => store.getTaskResult(id),
    updateTaskStatus: (id, status, message) => store.updateTaskStatus(id, status, message),
    listTasks: (cursor) => store.listTasks(cursor),
  }
}

function buildServer(taskStore: TaskStore, taskMessageQueue: InMemoryTaskMessageQueue): McpServer {
  const tasks = { list: {}, cancel: {}, requests: { tools: { call: {} } } }
  const server = new McpServer(
    { name: 'tasks', version: '1' },
    { capabilities: { tasks }, taskStore, taskMessageQueue },
  )
  const greet = async (taskId: string) => {
    await taskStore.updateTaskStatus(taskId, 'input_required')
    const params = {
      mode: 'form' as const,
      message: 'Your name?',
      requestedSchema: { type: 'object' as const, properties: { name: { type: 'string' as const } } },
    }
    const { content } = await server.server.elicitInput(params, {
      relatedTask: { taskId },
      timeout: LONGEST_MS,
    })
    const text = `Hello, ${content?.name}`
    await taskStore.storeTaskResult(taskId, 'completed', { content: [{ type: 'text', text }] })
  }
  server.experimental.tasks.registerToolTask(
    'greet',
    { execution: { taskSupport: 'optional' } },
    {
      async createTask(extra) {
        const task = await extra.taskStore.createTask({ ttl: 60_000, pollInterval: POLL_MS })
        greet(task.taskId).catch(() => undefined)
        return { task }
      },
      getTask: (extra) => extra.taskStore.getTask(extra.taskId),
      getTaskResult: async (extra) =>
        CallToolResultSchema.parse(await extra.taskStore.getTaskResult(extra.taskId)),
    },
  )
  return server
}

async function scene(t: Teardown, auth: UpstreamAuth | null = null) {
  const store = new InMemoryTaskStore()
  t.teardown(async () => store.cleanup())
  const queue = new InMemoryTaskMessageQueue()
  const upstream = await serveLegacy(t, () => buildServer(withoutSessions(store), queue))
  const policy = createStandingPolicy(null)
  const stage = await setStage(t, [{ url: upstream.url, auth }], { policy })
  return { stage, upstream, policy, ids: () => store.getAllTasks().map(({ taskId }) => taskId) }
}

async function clientOf(t: Teardown, stage: Stage, claims: Claims = {}): Promise<Client> {
  const client = new Client({ name: 'older', version: '1' }, { capabilities: { elicitation: {}, tasks: {} } })
  client.setRequestHandler(ElicitRequestSchema, () => ({ action: 'accept', content: { name: 'Ann' } }))
  const requestInit = { headers: { authorization: `Bearer ${await stage.token(claims)}` } }
  await client.connect(
    new StreamableHTTPClientTransport(new URL('/mcp/notes', stage.origin), { requestInit }),
  )
  t.teardown(() => client.close())
  return client
}

/** The id that the client has of a task that waits for its person. */
async function beginTask(client: Client): Promise<string> {
  await client.listTools()
  const params = { name: 'greet', arguments: {} }
  for await (const message of client.experimental.tasks.callToolStream(params, CallToolResultSchema))
    if (message.type === 'taskCreated') return message.task.taskId
  throw new Error('no task was made')
}

t.test('whoever made a task follows it to its end, questions included', async (t) => {
  const { stage, ids } = await scene(t)
  const client = await clientOf(t, stage)
  await client.listTools()
  const seen: string[] = []
  const params = { name: 'greet', arguments: {} }
  for await (const message of client.experimental.tasks.callToolStream(params, CallToolResultSchema)) {
    seen.push(message.type)
    if (message.type === 'taskCreated') t.not(message.task.taskId, ids()[0])
    if (message.type === 'result') t.match(message.result, { content: [{ text: 'Hello, Ann' }] })
    if (message.type === 'error') t.fail(message.error.message)
  }
  t.equal(seen[0], 'taskCreated')
  t.equal(seen.at(-1), 'result')
})

t.test('a task is its owner’s alone, in whatever session, and nobody can list those of others', async (t) => {
  const { stage, upstream, ids } = await scene(t)
  const owner = await clientOf(t, stage)
  const taskId = await beginTask(owner)
  const [id = ''] = ids()
  const stranger = await clientOf(t, stage, STRANGER)
  const otherApp = await clientOf(t, stage, { client_id: 'client-2' })
  const before = upstream.received.length
  for (const somebody of [stranger, otherApp])
    for (const known of [taskId, id, `notes.${id}`]) {
      const { tasks } = somebody.experimental
      await t.rejects(tasks.getTask(known), { code: -32602, message: /Task not found/ })
      await t.rejects(tasks.getTaskResult(known), { code: -32602 })
      await t.rejects(tasks.cancelTask(known), { code: -32602 })
    }
  t.notOk(upstream.received.slice(before).some(({ method }) => method.startsWith('tasks/')))
  for (const anybody of [owner, stranger]) {
    t.match(anybody.getServerCapabilities()?.tasks, { cancel: {}, requests: { tools: { call: {} } } })
    t.notOk('list' in (anybody.getServerCapabilities()?.tasks ?? {}))
    const body = call('tasks/list')
    const token = await stage.token(anybody === owner ? {} : STRANGER)
    t.match(errorOf(await send(stage, { token, body })), { code: -32601 })
  }
  const again = await clientOf(t, stage)
  t.match(await again.experimental.tasks.getTask(taskId), { taskId })
  t.match(await again.experimental.tasks.cancelTask(taskId), { taskId, status: 'cancelled' })
})

t.test('what hides a task from the reading of one is not taken for one', async (t) => {
  const { stage, upstream, ids } = await scene(t)
  await beginTask(await clientOf(t, stage))
  const [id = ''] = ids()
  const token = await stage.token(STRANGER)
  const before = upstream.received.length
  const asked = call('tasks/get', { taskId: id })
  const batch = [call('tools/list'), { ...call('tasks/get', { taskId: id }), id: 2 }]
  const notification = { jsonrpc: '2.0', method: 'tasks/cancel', params: { taskId: id } }
  const listening = call('subscriptions/listen', { notifications: { taskIds: [id] } })
  for (const body of [asked, [asked], batch, notification, listening]) {
    const answer = await send(stage, { token, body })
    t.notMatch(answer.text, /"status":"(working|input_required)"/)
  }
  t.equal(upstream.received.length, before)
})

t.test('a task of a tool that is forbidden since is out of reach', async (t) => {
  const { stage, policy } = await scene(t)
  const client = await clientOf(t, stage)
  const taskId = await beginTask(client)
  t.match(await client.experimental.tasks.getTask(taskId), { taskId })
  const POLICY = JSON.stringify({ rules: [{ tools: ['greet'], effect: 'deny' }] })
  policy.replace(loadConfig({ UPSTREAMS: '{"notes": {"url": "http://notes/mcp"}}', POLICY }).policy)
  await t.rejects(client.experimental.tasks.getTask(taskId), { code: 403 })
})

t.test('a server that is told who calls keeps its tasks apart itself', async (t) => {
  const { stage, ids } = await scene(t, IDENTITY)
  const client = await clientOf(t, stage)
  const taskId = await beginTask(client)
  t.strictSame([taskId], ids())
  t.match(await client.experimental.tasks.listTasks(), { tasks: [{ taskId }] })
})
