// Owns an MCP endpoint on a port: who may speak to it, its path, and its end.

import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { localhostHostValidation, localhostOriginValidation } from '@modelcontextprotocol/node'
import { isLoopbackHost } from '../oauth/loopback.ts'
import type { Endpoint } from './endpoint.ts'

export interface Listening {
  readonly url: string
  close(): Promise<void>
}

export async function listen(endpoint: Endpoint, host: string, port: number): Promise<Listening> {
  const admits = createGuard(isLoopbackHost(bracketed(host)))
  const server = createServer((req, res) => {
    if (admits(req, res)) void route(endpoint, req, res)
  })
  const boundPort = await bind(server, host, port)
  return { url: `http://${reachableHost(host)}:${boundPort}/mcp`, close: () => close(server, endpoint) }
}

/**
 * Against DNS rebinding. Bound to loopback, only a loopback Host is taken. Bound to a network, the server has as many
 * names as the network gives it (a compose service name, say), so only the Origin is checked.
 */
function createGuard(isLoopback: boolean): (req: IncomingMessage, res: ServerResponse) => boolean {
  const hasGoodOrigin = localhostOriginValidation()
  const hasGoodHost = isLoopback ? localhostHostValidation() : () => true
  return (req, res) => hasGoodHost(req, res) && hasGoodOrigin(req, res)
}

async function route(endpoint: Endpoint, req: IncomingMessage, res: ServerResponse): Promise<void> {
  const path = req.url?.split('?', 1)[0]
  if (path === '/healthz') return void res.writeHead(200, { 'content-type': 'text/plain' }).end('ok\n')
  if (path !== '/mcp') return void res.writeHead(404).end()
  try {
    await endpoint.handle(req, res)
  } catch {
    // The client left while its body was read, or the library failed: there is no answer left to give.
    res.destroy()
  }
}

function bind(server: Server, host: string, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, host, () => {
      const address = server.address()
      resolve(address !== null && typeof address === 'object' ? address.port : port)
    })
  })
}

async function close(server: Server, endpoint: Endpoint): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()))
  await endpoint.close()
  server.closeAllConnections()
  await closed
}

/** The host that reaches a server bound to this address from the same machine. */
function reachableHost(host: string): string {
  return host === '0.0.0.0' || host === '::' ? '127.0.0.1' : bracketed(host)
}

function bracketed(host: string): string {
  return host.includes(':') ? `[${host}]` : host
}
