// Owns the connections that clients open ahead and have not used yet, so that closing does not wait for them.

import type { Socket } from 'node:net'
import type { FastifyInstance } from 'fastify'

/** While the service closes, clients whose streams ended come back; what they open and do not use at once is in the way. */
const SWEEP_MS = 200

/** node:http counts a connection without any request as busy: closing would wait until the client gives it up. */
export function closeUnusedConnections(app: FastifyInstance): void {
  const { server } = app
  const unused = new Set<Socket>()
  function forget(this: Socket): void {
    unused.delete(this)
  }
  const sweep = () => {
    for (const socket of unused) socket.destroy()
  }
  server.on('connection', (socket) => {
    unused.add(socket)
    socket.on('close', forget)
  })
  server.on('request', ({ socket }) => {
    // There may be thousands that stay open: none of them keeps a listener that it does not need.
    if (unused.delete(socket)) socket.off('close', forget)
  })
  app.addHook('preClose', async () => {
    sweep()
    const sweeping = setInterval(sweep, SWEEP_MS).unref()
    server.once('close', () => clearInterval(sweeping))
  })
}
