// Owns upstreams of every kind that hang: some altogether, some only in the tool `hang`, while their tool `fine` answers.

import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { UpstreamSettings } from '../../src/upstreams/settings.ts'
import { events, json, type Script, startHostileUpstream } from './hostile-upstream.ts'
import { programSettings, script } from './programs/program-upstream.ts'

interface Teardown {
  teardown(close: () => Promise<void>): unknown
}

export interface HangingKind {
  readonly what: string
  /** Only the tool `hang` does. */
  readonly answersOthers: boolean
  start(t: Teardown): Promise<UpstreamSettings>
}

const NAMED = { name: 'notes', title: 'Notes', headers: {} }
const TOOLS = ['hang', 'fine'].map((name) => ({ name, inputSchema: { type: 'object' } }))
const INITIALIZED = {
  protocolVersion: '2025-06-18',
  capabilities: { tools: {} },
  serverInfo: { name: 'old', version: '1' },
}
const DISCOVERED = {
  supportedVersions: ['2026-07-28'],
  capabilities: { tools: {} },
  ttlMs: 0,
  cacheScope: 'private',
}

type Message = {
  readonly id?: unknown
  readonly method?: string
  readonly params?: { readonly name?: string }
}

/** What an upstream has to say; undefined where it hangs. */
function resultOf({ method, params }: Message, firsts: Readonly<Record<string, object>>): object | undefined {
  const first = firsts[method ?? '']
  if (first) return first
  if (method === 'tools/list') return { tools: TOOLS, ttlMs: 0, cacheScope: 'private' }
  return params?.name === 'fine' ? { content: [{ type: 'text', text: 'well' }] } : undefined
}

const LEGACY: Script = ({ method, body }, res) => {
  if (method !== 'POST') return void res.writeHead(405).end()
  const message: Message = JSON.parse(body)
  if (message.id === undefined) return void res.writeHead(202).end()
  if (message.method === 'server/discover') return void res.writeHead(400).end()
  const result = resultOf(message, { initialize: INITIALIZED })
  if (result) json(res, 200, { jsonrpc: '2.0', id: message.id, result })
}

const MODERN: Script = ({ body }, res) => {
  const message: Message = JSON.parse(body)
  const { id } = message
  const result = resultOf(message, { 'server/discover': DISCOVERED })
  const data = { supported: ['2026-07-28'], requested: '' }
  if (result) json(res, 200, { jsonrpc: '2.0', id, result: { resultType: 'complete', ...result } })
  else if (message.method === 'initialize')
    json(res, 400, { jsonrpc: '2.0', id, error: { code: -32022, message: 'not that one', data } })
}

/** The transport of 2024-11-05, where each answer comes on the one stream. */
function onOneStream(posted: 'taken' | 'hanging'): Script {
  let write: (message: object) => void = () => undefined
  return ({ method, body }, res) => {
    if (method === 'GET') {
      events(res)
      res.write('event: endpoint\ndata: /messages\n\n')
      write = (message) => void res.write(`event: message\ndata: ${JSON.stringify(message)}\n\n`)
      return
    }
    if (posted === 'hanging') return
    res.writeHead(202).end()
    const message: Message = JSON.parse(body)
    const result = resultOf(message, { initialize: INITIALIZED })
    if (message.id !== undefined && result) write({ jsonrpc: '2.0', id: message.id, result })
  }
}

/** A few lines of shell: whatever is asked in the modern era is an unknown method. */
const PROGRAM = `
while read -r line; do
  id=$(printf %s "$line" | sed -nE 's/.*"id":("[^"]*"|[0-9]+).*/\\1/p')
  case "$line" in
    *'"server/discover"'*) echo '{"jsonrpc":"2.0","id":'$id',"error":{"code":-32601,"message":"no"}}';;
    *'"initialize"'*) echo '{"jsonrpc":"2.0","id":'$id',"result":${JSON.stringify(INITIALIZED)}}';;
    *'"tools/list"'*) echo '{"jsonrpc":"2.0","id":'$id',"result":{"tools":${JSON.stringify(TOOLS)}}}';;
    *'"name":"fine"'*) echo '{"jsonrpc":"2.0","id":'$id',"result":{"content":[{"type":"text","text":"well"}]}}';;
  esac
done`

const PATHS = { '/hang': { get: operation('hang') }, '/fine': { get: operation('fine') } }

function operation(operationId: string): object {
  return { operationId, responses: { 200: { description: 'Said' } } }
}

async function startApi(t: Teardown, documentHangs: boolean): Promise<string> {
  const server = createServer((req, res) => {
    const { url = '' } = req
    if (url === '/fine') json(res, 200, { said: 'well' })
    const document = { openapi: '3.1.0', info: { title: 'Api', version: '1' }, paths: PATHS }
    if (url === '/openapi' && !documentHangs) json(res, 200, document)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.teardown(async () => {
    server.close()
    server.closeAllConnections()
  })
  const { port }: AddressInfo = Object(server.address())
  return `http://127.0.0.1:${port}/openapi`
}

async function scripted(t: Teardown, how: Script): Promise<string> {
  const upstream = await startHostileUpstream(t)
  upstream.answer(how)
  return upstream.url
}

const api = (document: string): UpstreamSettings => ({
  ...NAMED,
  kind: 'openapi',
  document,
  url: null,
  operations: [],
  writes: false,
})
const SILENT: Script = () => undefined

/** Each line of it is a sign of life, and the head is never whole. */
const DRIPPING: Script = (_, { socket }) => {
  socket?.write('HTTP/1.1 200 OK\r\n')
  const drops = setInterval(() => socket?.write('x-drop: 1\r\n'), 50)
  socket?.on('close', () => clearInterval(drops))
}

export const HANGING_KINDS: readonly HangingKind[] = [
  {
    what: 'a tool of Streamable HTTP of 2025',
    answersOthers: true,
    start: async (t) => ({ ...NAMED, url: await scripted(t, LEGACY) }),
  },
  {
    what: 'a tool of Streamable HTTP of 2026',
    answersOthers: true,
    start: async (t) => ({ ...NAMED, url: await scripted(t, MODERN) }),
  },
  {
    what: 'all of Streamable HTTP',
    answersOthers: false,
    start: async (t) => ({ ...NAMED, url: await scripted(t, SILENT) }),
  },
  {
    what: 'the head of an answer over Streamable HTTP, which only drips,',
    answersOthers: false,
    start: async (t) => ({ ...NAMED, url: await scripted(t, DRIPPING) }),
  },
  {
    what: 'a tool of HTTP+SSE',
    answersOthers: true,
    start: async (t) => ({ ...NAMED, kind: 'sse', url: await scripted(t, onOneStream('taken')) }),
  },
  {
    what: 'what is posted with HTTP+SSE',
    answersOthers: false,
    start: async (t) => ({ ...NAMED, kind: 'sse', url: await scripted(t, onOneStream('hanging')) }),
  },
  {
    what: 'all of HTTP+SSE',
    answersOthers: false,
    start: async (t) => ({ ...NAMED, kind: 'sse', url: await scripted(t, SILENT) }),
  },
  {
    what: 'a tool of a program',
    answersOthers: true,
    start: async () => programSettings({ ...NAMED, ...script(PROGRAM) }),
  },
  {
    what: 'all of a program',
    answersOthers: false,
    start: async () => programSettings({ ...NAMED, command: 'sleep', args: ['600'] }),
  },
  {
    what: 'an operation of an HTTP API',
    answersOthers: true,
    start: async (t) => api(await startApi(t, false)),
  },
  {
    what: 'the document of an HTTP API',
    answersOthers: false,
    start: async (t) => api(await startApi(t, true)),
  },
]
