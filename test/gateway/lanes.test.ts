// Owns the proof that calls share connections, that streams never share theirs, and that what closed is not used again.

import { once } from 'node:events'
import { createServer, type Server, type ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import t, { type Test } from 'tap'
import { buildConnector, type Dispatcher } from 'undici'
import { createLanes } from '../../src/gateway/lanes.ts'
import { listenLocally } from '../support/local-server.ts'

interface Stage {
  readonly server: Server
  /** The connections that were ever opened. */
  readonly sockets: readonly Socket[]
  readonly streams: readonly ServerResponse[]
  /** Resolves with the status, or the error's code; for a stream as soon as it began. */
  ask(path: '/call' | '/stream'): Promise<unknown>
}

async function setStage(t: Test): Promise<Stage> {
  const streams: ServerResponse[] = []
  const sockets: Socket[] = []
  const server = createServer((req, res) => {
    if (req.url === '/stream') streams.push(res.writeHead(200))
    else res.end('done')
    res.flushHeaders()
  })
  server.on('connection', (socket) => sockets.push(socket))
  const port = await listenLocally(server)
  const lanes = createLanes(`http://127.0.0.1:${port}`, buildConnector({ allowH2: false }))
  t.teardown(async () => {
    await lanes.destroy()
    server.close()
    server.closeAllConnections()
  })
  const ask = (path: string) =>
    new Promise((resolve) => void lanes.dispatch({ path, method: 'GET' }, answering(resolve, path)))
  return { server, sockets, streams, ask }
}

function answering(resolve: (answer: unknown) => void, path: string): Dispatcher.DispatchHandler {
  let status = 0
  return {
    onRequestStart: () => undefined,
    onResponseStart(_, code) {
      status = code
      if (path === '/stream') resolve(status)
    },
    onResponseData: () => undefined,
    // Undici looks at the connection again in the turn after this one.
    onResponseEnd: () => void setTimeout(resolve, 10, status),
    onResponseError: (_, error) => void setImmediate(resolve, 'code' in error ? error.code : error.name),
  }
}

t.test('calls one after the other share a connection, whatever streams are open', async (t) => {
  const { sockets, ask } = await setStage(t)
  for (let round = 0; round < 3; round++) {
    t.equal(await ask('/stream'), 200)
    for (let call = 0; call < 5; call++) t.equal(await ask('/call'), 200)
  }
  t.equal(sockets.length, 4, 'three for the streams, one for all the calls')
})

t.test(
  'as many calls at once as there are have a connection each, and the next ones find them free',
  async (t) => {
    const { sockets, ask } = await setStage(t)
    for (let round = 0; round < 3; round++)
      t.strictSame(await Promise.all(Array.from({ length: 8 }, () => ask('/call'))), Array(8).fill(200))
    t.equal(sockets.length, 8)
  },
)

t.test('a connection that the upstream closed is left, and the next call opens one', async (t) => {
  const { sockets, ask } = await setStage(t)
  t.equal(await ask('/call'), 200)
  const [socket] = sockets
  socket?.destroy()
  await once(socket ?? t, 'close')
  await new Promise((resolve) => setTimeout(resolve, 50))
  t.equal(await ask('/call'), 200)
  t.equal(sockets.length, 2)
})

t.test('while nobody is there every call learns it, and afterwards they pass again', async (t) => {
  const { server, ask } = await setStage(t)
  const address = server.address()
  const port = address !== null && typeof address === 'object' ? address.port : 0
  await new Promise((resolve) => server.close(resolve))
  t.strictSame(await Promise.all([ask('/call'), ask('/call')]), ['ECONNREFUSED', 'ECONNREFUSED'])
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve))
  t.equal(await ask('/call'), 200)
})
