// Owns the connections that clients open ahead and have not used yet, so that closing does not wait for them.

import type { Socket } from 'node:net'
import type { FastifyInstance } from 'fastify'

/** node:http counts a connection without any request as busy: closing would wait until the client gives it up. */
export function closeUnusedConnections(app: FastifyInstance): void {
  const unused = new Set<Socket>()
  app.server.on('connection', (socket) => {
    unused.add(socket)
    socket.once('close', () => unused.delete(socket))
  })
  app.server.on('request', ({ socket }) => unused.delete(socket))
  app.addHook('preClose', async () => {
    for (const socket of unused) socket.destroy()
  })
}
