// Owns the promise that closing does not wait for connections that nobody uses, whenever they were opened.

import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import Fastify from 'fastify'
import t from 'tap'
import { closeUnusedConnections } from '../../src/http/unused-connections.ts'

const KEEP_ALIVE_MS = 75_000

async function opened(port: number): Promise<Socket> {
  const socket = connect(port, '127.0.0.1')
  socket.on('error', () => undefined)
  await once(socket, 'connect')
  return socket
}

t.test('connections opened before closing, and while it goes on, are closed', async (t) => {
  const app = Fastify({ keepAliveTimeout: KEEP_ALIVE_MS })
  closeUnusedConnections(app)
  app.get('/', async () => 'here')
  const during: Socket[] = []
  app.addHook('preClose', async () => void during.push(await opened(Number(port))))
  const { port } = new URL(await app.listen({ host: '127.0.0.1', port: 0 }))
  const before = await opened(Number(port))
  t.equal((await fetch(`http://127.0.0.1:${port}/`)).status, 200, 'what is used is served')

  const closing = app.close().then(() => 'closed')
  const tooLong = new Promise((resolve) => setTimeout(resolve, 10_000, 'waited').unref())

  t.equal(await Promise.race([closing, tooLong]), 'closed')
  t.ok(before.destroyed || before.readableEnded)
  t.equal(during.length, 1)
})
