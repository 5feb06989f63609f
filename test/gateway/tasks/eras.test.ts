// Owns the proof that a client without tasks has its calls answered to their end, or learns why not, whatever the upstream does.

import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import { InMemoryTaskStore } from '@modelcontextprotocol/sdk/experimental/tasks'
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js'
import { CallToolResultSchema } from '@modelcontextprotocol/sdk/types.js'
import t from 'tap'
import { serveTasks, type TasksOptions } from '../../support/tasks-server.ts'
import { serveLegacy } from '../bridge/legacy-upstream.ts'
import { errorOf, PUBLIC_URL, type Stage, type Teardown } from '../stage.ts'
import { ask, setTasks } from './tasks-stage.ts'

const PATHS = ['/mcp/notes', '/mcp']

async function scene(t: Teardown, options: TasksOptions = {}) {
  const upstream = await serveTasks(t, options)
  const other = await serveTasks(t)
  const stage = await setTasks(t, [{ url: upstream.url }, { name: 'work', url: other.url }])
  return { upstream, stage }
}

/** Of 2025-11-25. */
async function legacyClient(t: Teardown, stage: Stage, path: string): Promise<Client> {
  const client = new Client({ name: 'older', version: '1' })
  const token = await stage.token({ aud: PUBLIC_URL + path, scope: 'notes work' })
  const requestInit = { headers: { authorization: `Bearer ${token}` } }
  await client.connect(new StreamableHTTPClientTransport(new URL(path, stage.origin), { requestInit }))
  t.teardown(() => client.close())
  return client
}

for (const path of PATHS) {
  const name = path === '/mcp' ? 'notes_change' : 'change'

  t.test(`a client of 2025-11-25 is offered no tasks and needs none, at ${path}`, async (t) => {
    const { stage, upstream } = await scene(t)
    const client = await legacyClient(t, stage, path)
    const capabilities = client.getServerCapabilities()
    t.equal(capabilities?.tasks, undefined)
    t.notMatch(JSON.stringify(capabilities), 'io.modelcontextprotocol/tasks')
    const called = await client.callTool({ name, arguments: { quick: true } })
    t.match(called, { content: [{ text: 'change is done' }] })
    await t.rejects(client.callTool({ name, arguments: {} }), {
      message: /Missing required client capability/,
    })
    t.equal(upstream.ids().length, 0)
  })

  t.test(`an upstream that makes a task all the same is told of in an error, at ${path}`, async (t) => {
    const { stage } = await scene(t, { rude: true })
    const client = await legacyClient(t, stage, path)
    await t.rejects(client.callTool({ name, arguments: {} }), { message: /goes on with this call as a task/ })
    t.match(await client.callTool({ name, arguments: { quick: true } }), {
      content: [{ text: 'change is done' }],
    })
  })
}

t.test('so is a client of today that did not declare them, at the aggregate', async (t) => {
  const { stage } = await scene(t, { rude: true })
  const all = { path: '/mcp', claims: { scope: 'notes work' } }
  const params = { name: 'notes_change', arguments: {} }
  const refused = await ask(stage, 'tools/call', params, { ...all, capabilities: {} })
  t.equal(refused.status, 400)
  t.match(errorOf(refused), { code: -32021, message: /goes on with this call as a task/ })
  t.match((await ask(stage, 'tools/call', params, all)).json.result, {
    resultType: 'task',
    taskId: /^notes\./,
  })
})

t.test(
  'a tool of 2025-11-25 that may be a task is answered to its end, and one that has to be says so',
  async (t) => {
    const taskStore = new InMemoryTaskStore()
    t.teardown(async () => taskStore.cleanup())
    const upstream = await serveLegacy(t, () => taskServer(taskStore))
    const stage = await setTasks(t, [{ url: upstream.url }])
    const { json } = await ask(stage, 'server/discover', {})
    t.notMatch(JSON.stringify(json), 'io.modelcontextprotocol/tasks')
    for (const params of [{ name: 'optional' }, { name: 'optional', task: { ttl: 60_000 } }]) {
      const answered = await ask(stage, 'tools/call', { ...params, arguments: {} })
      t.match(answered.json.result, { resultType: 'complete', content: [{ text: 'worked' }] })
    }
    const refused = await ask(stage, 'tools/call', { name: 'required', arguments: {} })
    t.match(refused.text, /requires task augmentation/)
  },
)

function taskServer(taskStore: InMemoryTaskStore): McpServer {
  const tasks = { cancel: {}, requests: { tools: { call: {} } } }
  const server = new McpServer({ name: 'tasks', version: '1' }, { capabilities: { tasks }, taskStore })
  for (const taskSupport of ['optional', 'required'] as const)
    server.experimental.tasks.registerToolTask(
      taskSupport,
      { execution: { taskSupport } },
      {
        async createTask(extra) {
          const task = await extra.taskStore.createTask({ ttl: 60_000, pollInterval: 20 })
          const content = [{ type: 'text' as const, text: 'worked' }]
          setTimeout(() => void extra.taskStore.storeTaskResult(task.taskId, 'completed', { content }), 50)
          return { task }
        },
        getTask: (extra) => extra.taskStore.getTask(extra.taskId),
        getTaskResult: async (extra) =>
          CallToolResultSchema.parse(await extra.taskStore.getTaskResult(extra.taskId)),
      },
    )
  return server
}
