// Owns the stage of the tests of legacy clients at a modern upstream: gateways, a peer, and both SDKs' clients.

import { randomBytes } from 'node:crypto'
import type { Client as ClientV1 } from '@modelcontextprotocol/sdk/client/index.js'
import { StreamableHTTPClientTransport as TransportV1 } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import { createLocalSessionStore } from '../../../src/gateway/bridge/legacy/session-store.ts'
import type { GatewayNeeds } from '../../../src/gateway/gateway.ts'
import { createLocalMailbox, type Mailbox } from '../../../src/mcp/mailbox.ts'
import { createKeyring } from '../../../src/storage/sealing.ts'
import type { HttpSettings } from '../../../src/upstreams/settings.ts'
import { startEverythingServer } from '../../support/everything-server.ts'
import { type Answer, call, open, type Stage, send, setStage, type Teardown } from '../stage.ts'
import { type Counts, countedLinks } from './counted-peer.ts'
import { type HoldingOptions, type HoldingServer, startHoldingServer } from './holding-server.ts'

export interface BridgedStage extends Stage {
  readonly peer: Counts
}

/** A gateway in front of a modern everything-server. */
export async function setBridgedStage(t: Teardown, needs: Partial<GatewayNeeds> = {}): Promise<BridgedStage> {
  const server = await startEverythingServer({ eras: new Set(['modern']) })
  t.teardown(() => server.close())
  return setCountedStage(t, { url: server.url }, needs)
}

export interface HoldingStage extends BridgedStage {
  readonly server: HoldingServer
}

/** A gateway in front of a server whose tools wait for the test. */
export async function setHoldingStage(
  t: Teardown,
  needs: Partial<GatewayNeeds> = {},
  { settings = {}, ...options }: HoldingOptions & { settings?: Partial<HttpSettings> } = {},
): Promise<HoldingStage> {
  const server = await startHoldingServer(t, options)
  return { ...(await setCountedStage(t, { ...settings, url: server.url }, needs)), server }
}

async function setCountedStage(
  t: Teardown,
  settings: Partial<HttpSettings>,
  needs: Partial<GatewayNeeds>,
): Promise<BridgedStage> {
  const { links, counts } = countedLinks(t)
  return { ...(await setStage(t, [settings], { links, ...needs })), peer: counts }
}

export interface Replicas {
  readonly server: HoldingServer
  readonly peer: Counts
  readonly one: Stage
  readonly other: Stage
  readonly mailbox: CountedMailbox
}

/** Two gateways that share what replicas share: keys, secrets, a mailbox and a store. */
export async function setReplicas(t: Teardown, needs: Partial<GatewayNeeds> = {}): Promise<Replicas> {
  const keyring = createKeyring([randomBytes(32).toString('base64url')])
  const mailbox = countMailbox(createLocalMailbox())
  const { links, counts } = countedLinks(t)
  const sessions = {
    seal: (text: string, aad: string) => keyring.seal('mcp-session', text, aad),
    open: (sealed: string, aad: string) => keyring.open('mcp-session', sealed, aad)?.toString() ?? null,
  }
  const shared = { links, mailbox, sessions, sessionStore: createLocalSessionStore(), ...needs }
  const server = await startHoldingServer(t)
  const one = await setStage(t, [{ url: server.url }], shared)
  const keys = { find: (kid: string) => one.keys.get(kid) ?? null }
  const other = await setStage(t, [{ url: server.url }], { ...shared, keys })
  return { server, peer: counts, one, other, mailbox }
}

export interface CountedMailbox extends Mailbox {
  /** Addresses that are open now. */
  addresses(): number
}

export function countMailbox(mailbox: Mailbox): CountedMailbox {
  let addresses = 0
  return {
    addresses: () => addresses,
    send: mailbox.send,
    async open(address, receive) {
      const box = await mailbox.open(address, receive)
      addresses++
      return {
        close() {
          addresses--
          box.close()
        },
      }
    },
  }
}

export async function connectV1(
  t: Teardown,
  stage: Pick<Stage, 'origin' | 'token'>,
  client: ClientV1,
): Promise<TransportV1> {
  const headers = { authorization: `Bearer ${await stage.token()}` }
  const transport = new TransportV1(new URL('/mcp/notes', stage.origin), { requestInit: { headers } })
  // SDK v1 was not written for exactOptionalPropertyTypes: its own transport does not fit its own interface.
  const connectable: { connect(transport: object): Promise<void> } = client
  await connectable.connect(transport)
  t.teardown(() => client.close())
  return transport
}

/** A session by hand. */
export interface Talk {
  readonly id: string
  readonly token: string
  readonly initialized: Answer
  /** The whole answer to one POST, at this gateway or another one. */
  post(body: unknown, more?: Sending): Promise<Answer>
  /** The answer as it comes. */
  stream(body: unknown, more?: Sending): Promise<Events>
  get(more?: Sending): Promise<Events>
  delete(more?: Sending): Promise<Answer>
}

export interface Sending {
  readonly at?: Pick<Stage, 'origin'>
  readonly headers?: Readonly<Record<string, string | null>>
  readonly signal?: AbortSignal
}

export async function talk(
  stage: Pick<Stage, 'origin' | 'token'>,
  { version = '2025-11-25', capabilities = {}, token, path = '/mcp/notes', host }: TalkOptions = {},
): Promise<Talk> {
  const bearer = token ?? (await stage.token())
  const usual = { path, token: bearer }
  const named: Readonly<Record<string, string>> = host === undefined ? {} : { host }
  const params = { protocolVersion: version, capabilities, clientInfo: { name: 'by hand', version: '1' } }
  const initialized = await send(stage, { ...usual, headers: named, body: call('initialize', params, 0) })
  const id = String(initialized.headers['mcp-session-id'])
  const sent = ({ headers = {}, signal }: Sending) => ({
    ...usual,
    headers: { ...named, 'mcp-session-id': id, 'mcp-protocol-version': version, ...headers },
    ...(signal && { signal }),
  })
  return {
    id,
    token: bearer,
    initialized,
    post: (body, more = {}) => send(more.at ?? stage, { ...sent(more), body }),
    stream: async (body, more = {}) => readEvents(await open(more.at ?? stage, { ...sent(more), body })),
    get: async (more = {}) => readEvents(await open(more.at ?? stage, { ...sent(more), method: 'GET' })),
    delete: (more = {}) => send(more.at ?? stage, { ...sent(more), method: 'DELETE' }),
  }
}

export interface TalkOptions {
  readonly version?: string
  readonly capabilities?: object
  readonly token?: string
  readonly path?: string
  /** The name of the service, where that is not the address. */
  readonly host?: string
}

export interface Event {
  readonly id: string | null
  /** Null for an event without data. */
  readonly message: Readonly<Record<string, unknown>> | null
}

export interface Events {
  readonly status: number
  readonly type: string
  /** The next event; null at the end. */
  next(): Promise<Event | null>
  /** The next event whose message has this method; fails at the end. */
  nextOf(method: string): Promise<Event>
  rest(): Promise<readonly Event[]>
  leave(): void
}

type Response = Awaited<ReturnType<typeof open>>

function readEvents(res: Response): Events {
  const events = eventsIn(res)
  const next = async () => {
    const { value } = await events.next()
    return value ?? null
  }
  return {
    status: res.statusCode ?? 0,
    type: res.headers['content-type'] ?? '',
    next,
    async nextOf(method) {
      for (;;) {
        const event = await next()
        if (event === null) throw new Error(`the stream ended without ${method}`)
        if (event.message?.method === method) return event
      }
    },
    async rest() {
      const all: Event[] = []
      for (let event = await next(); event !== null; event = await next()) all.push(event)
      return all
    },
    leave: () => void res.destroy(),
  }
}

async function* eventsIn(res: Response): AsyncGenerator<Event, undefined> {
  let text = ''
  for await (const chunk of res) {
    text += String(chunk)
    for (let end = text.indexOf('\n\n'); end !== -1; end = text.indexOf('\n\n')) {
      const lines = text.slice(0, end).split('\n')
      text = text.slice(end + 2)
      const field = (name: string) =>
        lines.find((line) => line.startsWith(`${name}: `))?.slice(name.length + 2)
      const data = field('data')
      if (data !== undefined)
        yield { id: field('id') ?? null, message: data === '' ? null : JSON.parse(data) }
    }
  }
}
