// Owns where the servers of tests listen: on this machine alone, at a port that is free.

import { once } from 'node:events'
import type { Server as HttpServer } from 'node:http'
import { createServer, type Server } from 'node:net'

interface Teardown {
  teardown(close: () => unknown): unknown
}

/** The port. Whoever made the server closes it. */
export async function listenLocally(server: Server): Promise<number> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('It has no port.')
  return address.port
}

/** The origin, at which it answers until the end of the test. */
export async function serveLocally(t: Teardown, server: HttpServer): Promise<string> {
  const port = await listenLocally(server)
  t.teardown(() => closed(server))
  return `http://127.0.0.1:${port}`
}

/** Whatever is open is broken off. */
export function closed(server: HttpServer): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve())
    server.closeAllConnections()
  })
}

/** For who has to know an address before anything listens there. */
export async function freePort(): Promise<number> {
  const server = createServer()
  const port = await listenLocally(server)
  await new Promise((resolve) => server.close(resolve))
  return port
}
