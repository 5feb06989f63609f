// Owns plain HTTP requests to a 2025-era endpoint, for what the SDK clients hide.

const VERSION = '2025-11-25'
const ACCEPT = 'application/json, text/event-stream'

export function post(url: string, body: unknown, headers: Record<string, string> = {}): Promise<Response> {
  const text = typeof body === 'string' ? body : JSON.stringify(body)
  const contentType = { 'content-type': 'application/json', accept: ACCEPT }
  return fetch(url, { method: 'POST', body: text, headers: { ...contentType, ...headers } })
}

export function request(id: number, method: string, params: object = {}): object {
  return { jsonrpc: '2.0', id, method, params }
}

export const INITIALIZE = request(1, 'initialize', {
  protocolVersion: VERSION,
  capabilities: {},
  clientInfo: { name: 'wire', version: '1' },
})

/** The headers of a new session: those given, and its own. */
export async function openSession(
  url: string,
  headers: Record<string, string> = {},
): Promise<Record<string, string>> {
  const answer = await post(url, INITIALIZE, headers)
  await answer.text()
  const session = {
    ...headers,
    'mcp-session-id': answer.headers.get('mcp-session-id') ?? '',
    'mcp-protocol-version': VERSION,
  }
  await (await post(url, { jsonrpc: '2.0', method: 'notifications/initialized' }, session)).text()
  return session
}

export function openStream(
  url: string,
  session: Record<string, string>,
  signal?: AbortSignal,
): Promise<Response> {
  return fetch(url, { headers: { accept: 'text/event-stream', ...session }, ...(signal && { signal }) })
}

export interface Event {
  readonly id: string
  readonly data: string
}

/** The events of a stream as they arrive; keep-alive comments are left out. */
export async function* events(response: Response): AsyncGenerator<Event> {
  let buffered = ''
  for await (const chunk of response.body?.pipeThrough(new TextDecoderStream()) ?? []) {
    const blocks = (buffered + chunk).split('\n\n')
    buffered = blocks.pop() ?? ''
    for (const block of blocks.filter((block) => !block.startsWith(':'))) {
      yield { id: fieldOf(block, 'id'), data: fieldOf(block, 'data') }
    }
  }
}

function fieldOf(block: string, name: string): string {
  const line = block.split('\n').find((line) => line.startsWith(`${name}:`))
  return line?.slice(name.length + 1).trim() ?? ''
}
