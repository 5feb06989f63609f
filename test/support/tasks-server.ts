// Owns a server of 2026-07-28 with the tasks extension (SEP-2663), by hand: the SDK knows its words, and has no server for it. It
// is presented one credential or none, and gives a task to whoever knows its id.

import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { serveLocally } from './local-server.ts'

interface Teardown {
  teardown(close: () => Promise<unknown>): unknown
}

export type Members = Readonly<Record<string, unknown>>

export interface TasksServer {
  readonly url: string
  /** The ids of its tasks, oldest first. */
  ids(): readonly string[]
  /** Of every request so far: its method, and what the request names. */
  readonly asked: readonly string[]
  /** Completes a task with this result, and tells who listens. */
  complete(id: string, result: Members): void
  /** Lets it wait for an answer to a question. */
  ask(id: string): void
  /** What was answered to its questions, or done to it: by id. */
  readonly done: ReadonlyMap<string, unknown>
  listeners(): number
}

export interface TasksOptions {
  readonly extension?: boolean
  /** Answers with a task whatever the client said. */
  readonly rude?: boolean
  readonly events?: boolean
  /** Tells listeners of every task. */
  readonly talkative?: boolean
  /** Instead of its own two tools. */
  readonly jobs?: Jobs
}

export interface Jobs {
  readonly tools: readonly Members[]
  call(params: Members, declared: boolean, work: Work): Answer | Promise<Answer>
  /** What becomes of a task that was answered. */
  answered(task: Members, inputResponses: Members): Members
}

export interface Work {
  /** Begins a task, which has come to this when it has. */
  begin(later: { readonly afterMs: number; readonly change: Members }): Answer
}

const EXTENSION = 'io.modelcontextprotocol/tasks'
const CAPABILITIES = 'io.modelcontextprotocol/clientCapabilities'
const SUBSCRIPTION = 'io.modelcontextprotocol/subscriptionId'
const NAMED: ReadonlySet<unknown> = new Set(['tools/call', 'tasks/get', 'tasks/update', 'tasks/cancel'])
const TIMES = { ttlMs: 60_000, pollIntervalMs: 100 }
const TOOLS = [
  { name: 'look', inputSchema: { type: 'object' }, annotations: { readOnlyHint: true } },
  { name: 'change', inputSchema: { type: 'object' } },
]

interface Listener {
  readonly id: unknown
  readonly ids: readonly unknown[]
  readonly res: ServerResponse
}

export interface Answer {
  readonly result?: Members
  readonly error?: Members
  readonly status?: number
}

export async function serveTasks(t: Teardown, options: TasksOptions = {}): Promise<TasksServer> {
  const { extension = true, rude = false, events = false, talkative = false, jobs } = options
  const tasks = new Map<string, Members>()
  const asked: string[] = []
  const done = new Map<string, unknown>()
  const listeners = new Set<Listener>()

  function begin(): Members {
    const taskId = `${String(tasks.size + 1).padStart(4, '0')}-of-the-upstream`
    const at = new Date().toISOString()
    const task = { taskId, status: 'working', createdAt: at, lastUpdatedAt: at, ...TIMES }
    tasks.set(taskId, task)
    return task
  }

  function become(id: string, change: Members): void {
    const task = { ...tasks.get(id), ...change }
    tasks.set(id, task)
    for (const { ids, res, id: subscription } of listeners) {
      const params = { ...task, _meta: { [SUBSCRIPTION]: subscription } }
      if (talkative || ids.includes(id)) res.write(event({ method: 'notifications/tasks', params }))
    }
  }

  function beginJob({ afterMs, change }: Parameters<Work['begin']>[0]): Answer {
    const task = begin()
    const { taskId } = task
    const settle = () => {
      if (tasks.get(String(taskId))?.status === 'working') become(String(taskId), change)
    }
    if (afterMs === 0) settle()
    else setTimeout(settle, afterMs).unref()
    return { result: { resultType: 'task', ...task } }
  }

  function answer(method: unknown, params: Members, declared: boolean): Answer | Promise<Answer> {
    if (method === 'server/discover') return { result: discovery(extension) }
    if (method === 'tools/list')
      return { result: { resultType: 'complete', tools: jobs?.tools ?? TOOLS, ttlMs: 0 } }
    if (method === 'tools/call')
      return jobs ? jobs.call(params, declared, { begin: beginJob }) : call(params, declared)
    if (!extension || !['tasks/get', 'tasks/update', 'tasks/cancel'].includes(String(method)))
      return { status: 404, error: { code: -32601, message: 'Method not found' } }
    return declared ? about(method, params) : { status: 400, error: missing() }
  }

  function call({ name, arguments: given }: Members, declared: boolean): Answer {
    if (isRecord(given) && given.quick === true)
      return { result: { resultType: 'complete', content: [{ type: 'text', text: `${name} is done` }] } }
    if (!declared && !rude) return { status: 400, error: missing() }
    return { result: { resultType: 'task', ...begin() } }
  }

  function about(method: unknown, { taskId, inputResponses }: Members): Answer {
    const task = typeof taskId === 'string' ? tasks.get(taskId) : undefined
    if (typeof taskId !== 'string' || !task)
      return { error: { code: -32602, message: 'Failed to retrieve task: Task not found' } }
    if (method === 'tasks/get') return { result: { resultType: 'complete', ...task } }
    done.set(taskId, method === 'tasks/cancel' ? 'cancelled' : inputResponses)
    tasks.set(taskId, changed(task, method, isRecord(inputResponses) ? inputResponses : {}))
    return { result: { resultType: 'complete' } }
  }

  function changed(task: Members, method: unknown, inputResponses: Members): Members {
    const { inputRequests: _, ...rest } = task
    if (task.status === 'completed' || task.status === 'failed') return task
    if (method === 'tasks/cancel') return { ...rest, status: 'cancelled' }
    return jobs ? jobs.answered(task, inputResponses) : { ...rest, status: 'working' }
  }

  function listenTo(id: unknown, { notifications }: Members, res: ServerResponse): void {
    const { taskIds: ids = [] } = isRecord(notifications) ? notifications : {}
    const listener = { id, res, ids: Array.isArray(ids) ? ids : [] }
    listeners.add(listener)
    res.on('close', () => listeners.delete(listener))
    res.writeHead(200, { 'content-type': 'text/event-stream' })
    const params = { notifications: { taskIds: listener.ids }, _meta: { [SUBSCRIPTION]: id } }
    res.write(event({ method: 'notifications/subscriptions/acknowledged', params }))
  }

  async function serve(req: IncomingMessage, res: ServerResponse): Promise<void> {
    const { id, method, params } = await messageIn(req)
    const { taskId, name = taskId } = params
    asked.push([method, name].filter((each) => each !== undefined).join(' '))
    const isNamed = !NAMED.has(method) || req.headers['mcp-name'] === name
    if (!isNamed || req.headers['mcp-method'] !== method) {
      const error = { code: -32020, message: 'Header mismatch' }
      return respond(res, id, { status: 400, error }, false)
    }
    if (method === 'subscriptions/listen') return listenTo(id, params, res)
    respond(res, id, await answer(method, params, declares(params)), events)
  }

  const server = createServer((req, res) => void serve(req, res).catch(() => res.destroy()))
  const origin = await serveLocally(t, server)
  return {
    url: `${origin}/mcp`,
    asked,
    done,
    ids: () => [...tasks.keys()],
    complete: (id, result) => become(id, { status: 'completed', result }),
    ask: (id) => become(id, { status: 'input_required', inputRequests: { name: QUESTION } }),
    listeners: () => listeners.size,
  }
}

const QUESTION = {
  method: 'elicitation/create',
  params: { mode: 'form', message: 'Your name?', requestedSchema: { type: 'object', properties: {} } },
}

function discovery(extension: boolean): Members {
  return {
    resultType: 'complete',
    supportedVersions: ['2026-07-28'],
    capabilities: { tools: {}, ...(extension && { extensions: { [EXTENSION]: {} } }) },
    ttlMs: 0,
    cacheScope: 'private',
  }
}

export function missing(): Members {
  const data = { requiredCapabilities: { extensions: { [EXTENSION]: {} } } }
  return { code: -32021, message: 'Missing required client capability', data }
}

function declares({ _meta }: Members): boolean {
  const capabilities = isRecord(_meta) ? _meta[CAPABILITIES] : null
  const extensions = isRecord(capabilities) ? capabilities.extensions : null
  return isRecord(extensions) && EXTENSION in extensions
}

function respond(res: ServerResponse, id: unknown, { status = 200, ...said }: Answer, events: boolean): void {
  const asEvents = events && status === 200
  const body = asEvents ? event({ id, ...said }) : JSON.stringify({ jsonrpc: '2.0', id, ...said })
  res.writeHead(status, { 'content-type': asEvents ? 'text/event-stream' : 'application/json' }).end(body)
}

function event(message: Members): string {
  return `data: ${JSON.stringify({ jsonrpc: '2.0', ...message })}\n\n`
}

async function messageIn(req: IncomingMessage) {
  const chunks: Buffer[] = []
  for await (const chunk of req) chunks.push(chunk)
  const json: unknown = JSON.parse(Buffer.concat(chunks).toString('utf8'))
  const { id, method, params } = isRecord(json) ? json : {}
  return { id, method, params: isRecord(params) ? params : {} }
}

function isRecord(value: unknown): value is Members {
  return typeof value === 'object' && value !== null
}
