// Owns a proxy that adds an access token to every request, because the conformance suite cannot send one.

import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http'
import { closed, listenLocally } from '../support/local-server.ts'

export interface TokenProxy {
  readonly url: string
  close(): Promise<void>
}

/** Null adds nothing. Everything else passes as it is, in both directions, as it comes. */
export async function startTokenProxy(target: string, token: string | null): Promise<TokenProxy> {
  const server = createServer((req, res) => forward(req, res, new URL(target), token))
  const port = await listenLocally(server)
  return {
    url: `http://localhost:${port}${new URL(target).pathname}`,
    close: () => closed(server),
  }
}

function forward(req: IncomingMessage, res: ServerResponse, target: URL, token: string | null): void {
  const outgoing = request({
    host: target.hostname,
    port: target.port,
    method: req.method,
    path: req.url,
    setHost: false,
    headers: requestHeaders(req, target, token),
  })
  outgoing.on('response', (answer) => {
    res.writeHead(answer.statusCode ?? 502, answer.rawHeaders)
    res.flushHeaders()
    answer.on('error', () => res.destroy())
    answer.pipe(res)
  })
  outgoing.on('error', () => res.destroy())
  // The client is gone: so is the request.
  res.on('close', () => outgoing.destroy())
  req.pipe(outgoing)
}

/** Whoever named the proxy means what is behind it; a foreign Host or Origin has to arrive as it was sent. */
function requestHeaders(req: IncomingMessage, target: URL, token: string | null): string[] {
  const here = `localhost:${req.socket.localPort}`
  const renamed = req.rawHeaders.map((value, index) => {
    const name = index % 2 === 1 ? req.rawHeaders[index - 1]?.toLowerCase() : ''
    if (name === 'host' && value === here) return target.host
    return name === 'origin' && value === `http://${here}` ? target.origin : value
  })
  return token === null ? renamed : [...renamed, 'authorization', `Bearer ${token}`]
}
