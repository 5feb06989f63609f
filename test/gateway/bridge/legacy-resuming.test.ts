// Owns the proof that a long call of a real client survives a connection that breaks.

import { connect, createServer, type Socket } from 'node:net'
import {
  Client as ClientV2,
  StreamableHTTPClientTransport as TransportV2,
} from '@modelcontextprotocol/client'
import { Client as ClientV1 } from '@modelcontextprotocol/sdk/client/index.js'
import { LoggingMessageNotificationSchema } from '@modelcontextprotocol/sdk/types.js'
import t from 'tap'
import { type Stage, type Teardown, until } from '../stage.ts'
import { connectV1, type HoldingStage, setHoldingStage } from './legacy-stage.ts'

interface Network {
  readonly origin: string
  /** Breaks every connection that is open. */
  cut(): void
}

/** A network between the client and the gateway. */
async function startNetwork(t: Teardown, stage: Stage): Promise<Network> {
  const sockets = new Set<Socket>()
  const server = createServer((near) => {
    const { hostname, port } = new URL(stage.origin)
    const far = connect(Number(port), hostname)
    for (const socket of [near, far]) {
      sockets.add(socket)
      socket.on('error', () => undefined)
      socket.on('close', () => {
        sockets.delete(socket)
        near.destroy()
        far.destroy()
      })
    }
    near.pipe(far).pipe(near)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const cut = () => {
    for (const socket of sockets) socket.destroy()
  }
  t.teardown(async () => {
    cut()
    await new Promise((resolve) => server.close(resolve))
  })
  const address = server.address()
  const port = typeof address === 'object' ? address?.port : undefined
  return { origin: `http://127.0.0.1:${port}`, cut }
}

/** `onHeld`: the client has heard from its call, so it knows where to read on. */
type Hold = (
  t: Teardown,
  stage: HoldingStage,
  origin: string,
  onHeld: () => void,
) => Promise<() => Promise<unknown>>

const INFO = { name: 'patient', version: '1' }
const HOLD = { name: 'hold', arguments: {} }

const CLIENTS: readonly (readonly [name: string, connect: Hold])[] = [
  [
    'SDK v1',
    async (t, stage, origin, onHeld) => {
      const client = new ClientV1(INFO)
      client.setNotificationHandler(LoggingMessageNotificationSchema, onHeld)
      await connectV1(t, { ...stage, origin }, client)
      return () => client.callTool(HOLD)
    },
  ],
  [
    'SDK v2 in the legacy era',
    async (t, stage, origin, onHeld) => {
      const client = new ClientV2(INFO, { versionNegotiation: { mode: 'legacy' } })
      client.setNotificationHandler('notifications/message', onHeld)
      const headers = { authorization: `Bearer ${await stage.token()}` }
      await client.connect(new TransportV2(new URL('/mcp/notes', origin), { requestInit: { headers } }))
      t.teardown(() => client.close())
      return () => client.callTool(HOLD)
    },
  ],
]

for (const [name, start] of CLIENTS) {
  t.test(name, async (t) => {
    const stage = await setHoldingStage(t)
    const network = await startNetwork(t, stage)
    let heard = 0
    const hold = await start(t, stage, network.origin, () => {
      heard++
    })
    const whileAway = hold()
    await until(() => heard === 1 && stage.gateway.openStreams() === 2)
    network.cut()
    await until(() => stage.gateway.openStreams() === 0)
    stage.server.release()
    await until(() => stage.server.held() === 0)
    t.match(await whileAway, { content: [{ text: 'released' }] }, 'the answer that it missed')

    const whileBack = hold()
    await until(() => heard === 2 && stage.gateway.openStreams() === 2)
    network.cut()
    await until(() => stage.gateway.openStreams() === 0)
    await until(() => stage.gateway.openStreams() === 2)
    stage.server.release()
    t.match(await whileBack, { content: [{ text: 'released' }] }, 'the answer that comes later')
    t.equal(stage.server.left(), 0)
    t.equal(stage.peer.methods.filter((method) => method === 'tools/call').length, 2, 'each was called once')
  })
}
