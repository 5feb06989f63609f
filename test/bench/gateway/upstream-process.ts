// Owns the part of the bench's upstream that does more than answer: discovery, event streams, large bodies.

import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { json } from 'node:stream/consumers'
import { SERVER_INFO } from '../../../src/mcp/meta.ts'
import { LARGE_ANSWER_TOOL, LARGE_BYTES, VERSION } from './request.ts'

const [port = '0'] = process.argv.slice(2)
const _meta = { [SERVER_INFO]: { name: 'bench', version: '1.0.0' } }
/** The token says no more than that reading is allowed, so the gateway has to know which tools only read. */
const TOOLS = ['fast', 'large-answer', 'large-body'].map((name) => ({
  name,
  inputSchema: { type: 'object' },
  annotations: { readOnlyHint: true },
}))
const LARGE_TEXT = 'x'.repeat(LARGE_BYTES)
const ACKNOWLEDGED = event({ jsonrpc: '2.0', method: 'notifications/subscriptions/acknowledged', params: {} })
const listeners = new Set<ServerResponse>()

const server = createServer((req, res) => {
  // Asked by the bench, not by a client: tells the latest so many listeners the time.
  if (req.url?.startsWith('/announce/')) announce(Number(req.url.slice('/announce/'.length)), res)
  else if (req.headers['mcp-method'] === 'subscriptions/listen') listen(req, res)
  else void answer(req, res).catch(() => res.destroy())
})
server.keepAliveTimeout = 75_000
server.requestTimeout = 0
server.listen(Number(port), '127.0.0.1', 8192)
process.once('SIGTERM', () => server.close().closeAllConnections())

function listen(req: IncomingMessage, res: ServerResponse): void {
  req.resume()
  res.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' })
  res.write(ACKNOWLEDGED)
  listeners.add(res)
  res.once('close', () => listeners.delete(res))
}

function announce(count: number, res: ServerResponse): void {
  const text = event({
    jsonrpc: '2.0',
    method: 'notifications/tools/list_changed',
    params: { at: String(process.hrtime.bigint()) },
  })
  const latest = count > 0 ? [...listeners].slice(-count) : []
  for (const listener of latest) listener.write(text)
  res.end(String(listeners.size))
}

async function answer(req: IncomingMessage, res: ServerResponse): Promise<void> {
  if (req.method !== 'POST') return void res.writeHead(405).end()
  const message: unknown = await json(req)
  const id = message !== null && typeof message === 'object' && 'id' in message ? message.id : null
  const body = JSON.stringify({
    jsonrpc: '2.0',
    id,
    result: { resultType: 'complete', ...resultOf(req.headers) },
  })
  res
    .writeHead(200, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) })
    .end(body)
}

function resultOf({ 'mcp-method': method, 'mcp-name': name }: IncomingMessage['headers']): object {
  if (method === 'server/discover')
    return {
      supportedVersions: [VERSION],
      capabilities: { tools: {} },
      ttlMs: 3_600_000,
      cacheScope: 'public',
      _meta,
    }
  if (method === 'tools/list') return { tools: TOOLS, ttlMs: 3_600_000, cacheScope: 'public' }
  return { content: [{ type: 'text', text: name === LARGE_ANSWER_TOOL ? LARGE_TEXT : 'done' }] }
}

function event(message: object): string {
  return `event: message\ndata: ${JSON.stringify(message)}\n\n`
}
