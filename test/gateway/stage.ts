// Owns the stage of the gateway's tests: a Fastify app with the plugin alone, keys and tokens, and a plain HTTP client.

import { generateKeyPairSync, type KeyObject, randomBytes } from 'node:crypto'
import { type IncomingHttpHeaders, type IncomingMessage, request } from 'node:http'
import { connect } from 'node:net'
import Fastify from 'fastify'
import { SignJWT } from 'jose'
import type { VerificationKey } from '../../src/gateway/access-token.ts'
import type { CallEvent } from '../../src/gateway/call-event.ts'
import { createGateway, type Gateway, type GatewayNeeds } from '../../src/gateway/gateway.ts'
import { gatewayPlugin } from '../../src/gateway/plugin.ts'
import { createKeyring } from '../../src/storage/sealing.ts'
import { staticCredentials } from '../../src/upstreams/credentials.ts'
import { createGuards } from '../../src/upstreams/guards.ts'
import type { Links } from '../../src/upstreams/links.ts'
import { createRegistry, type Registry, type UpstreamSettings } from '../../src/upstreams/registry.ts'
import type { HttpSettings } from '../../src/upstreams/settings.ts'
import { createToolCatalogue } from '../../src/upstreams/tools.ts'
import { openLinks } from '../support/links.ts'

export interface Teardown {
  teardown(close: () => Promise<unknown>): unknown
}

export const PUBLIC_URL = 'https://gate.example'
export const KID = 'key-1'

/** Every upstream over HTTP speaks whatever its client speaks; the tests of the bridge ask the upstream instead. */
const PASSING: Links = {
  passes: ({ kind }) => kind === 'http',
  contradict: () => undefined,
  peerOf({ name }) {
    throw new Error(`There is no peer for upstream "${name}".`)
  },
  close: async () => undefined,
}

/** Of the gateway. */
export interface StageClock {
  /** Milliseconds to add to what it says. */
  ahead: number
  /** Since then it stands still, for what counts by the second. */
  stoppedAt: number | null
}

export interface Stage {
  readonly origin: string
  readonly gateway: Gateway
  readonly registry: Registry
  readonly events: readonly CallEvent[]
  readonly errors: readonly unknown[]
  readonly keys: Map<string, VerificationKey>
  readonly signingKey: KeyObject
  readonly revoked: Set<string>
  readonly clock: StageClock
  /** A good token for `/mcp/notes` with the full scope, but for what the claims and the header say. */
  token(claims?: Claims, header?: Record<string, unknown>): Promise<string>
}

export type Claims = Readonly<Record<string, unknown>>

export async function setStage(
  t: Teardown,
  upstreams: readonly (Partial<HttpSettings> | UpstreamSettings)[],
  needs: Partial<GatewayNeeds> = {},
): Promise<Stage> {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const keys = new Map<string, VerificationKey>([[KID, { key: publicKey, alg: 'ES256' }]])
  const registry = createRegistry(upstreams.map(settings), PUBLIC_URL)
  const keyring = createKeyring([randomBytes(32).toString('base64url')])
  const events: CallEvent[] = []
  const errors: unknown[] = []
  const revoked = new Set<string>()
  const isRevoked = ({ grantId }: { grantId: string | null }) => revoked.has(grantId ?? '')
  const clock: StageClock = { ahead: 0, stoppedAt: null }
  const now = () => (clock.stoppedAt ?? Date.now()) + clock.ahead
  const report = (error: unknown) => void errors.push(error)
  const gateway = createGateway({
    issuer: PUBLIC_URL,
    registry,
    keys: { find: (kid) => keys.get(kid) ?? null },
    apiKeys: { find: () => null },
    revocations: { isRevoked, hasEnded: isRevoked, onChange: () => undefined },
    credentialFor: staticCredentials,
    links: PASSING,
    guards: createGuards({ perUpstream: { calls: null, streams: null }, clock: now }),
    toolsOf: createToolCatalogue({ peerOf: openLinks(t).peerOf, report, clock: now }).toolsOf,
    sessions: {
      seal: (text, aad) => keyring.seal('mcp-session', text, aad),
      open: (sealed, aad) => keyring.open('mcp-session', sealed, aad)?.toString() ?? null,
    },
    audit: (event) => void events.push(event),
    report,
    allowedOrigins: ['https://tools.example'],
    clock: now,
    ...needs,
  })
  const app = Fastify()
  app.addHook('preClose', async () => {
    await gateway.close(0)
    // A connection that a client opened and has not used yet is not idle for Node, and would be waited for.
    app.server.closeAllConnections()
  })
  app.register(gatewayPlugin, { gateway })
  const origin = await app.listen({ host: '127.0.0.1', port: 0 })
  t.teardown(() => app.close())
  return {
    origin,
    gateway,
    registry,
    events,
    errors,
    keys,
    signingKey: privateKey,
    revoked,
    clock,
    token: (claims = {}, header = {}) => sign(privateKey, claims, header),
  }
}

function settings(given: Partial<HttpSettings> | UpstreamSettings): UpstreamSettings {
  if (given.kind === 'sse' || given.kind === 'stdio' || given.kind === 'openapi') return given
  return { name: 'notes', title: 'Notes', url: 'http://127.0.0.1:9/mcp', headers: {}, ...given }
}

export function sign(key: KeyObject, claims: Claims, header: Record<string, unknown>): Promise<string> {
  const now = Math.floor(Date.now() / 1000)
  return new SignJWT({
    iss: PUBLIC_URL,
    aud: `${PUBLIC_URL}/mcp/notes`,
    sub: 'usr_alice',
    client_id: 'client-1',
    gid: 'grant-1',
    scope: 'notes',
    iat: now,
    exp: now + 600,
    ...claims,
  })
    .setProtectedHeader({ alg: 'ES256', typ: 'at+jwt', kid: KID, ...header })
    .sign(key)
}

export interface Sent {
  readonly path?: string
  readonly method?: string
  /** Without one no Authorization header is sent. */
  readonly token?: string
  /** Beside the usual ones of a POST; null leaves one of those out. */
  readonly headers?: Readonly<Record<string, string | string[] | null>>
  /** Text as it is; anything else as JSON. */
  readonly body?: unknown
  /** Makes the client leave. */
  readonly signal?: AbortSignal
}

export interface Answer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly text: string
  /** The body, when it is JSON. */
  readonly json: Readonly<Record<string, unknown>>
}

/** The whole answer. Rejects when the connection breaks. */
export async function send(stage: Pick<Stage, 'origin'>, sent: Sent = {}): Promise<Answer> {
  const res = await open(stage, sent)
  const chunks: Buffer[] = []
  for await (const chunk of res) chunks.push(chunk)
  const text = Buffer.concat(chunks).toString('utf8')
  return { status: res.statusCode ?? 0, headers: res.headers, text, json: parsed(text) }
}

/** The answer as soon as it begins. */
export function open(stage: Pick<Stage, 'origin'>, sent: Sent = {}): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const method = sent.method ?? 'POST'
    const headers = headersOf(method, sent)
    const options = { path: sent.path ?? '/mcp/notes', method, headers, agent: false, signal: sent.signal }
    const req = request(stage.origin, options, resolve)
    req.on('error', reject)
    req.end(method === 'POST' ? bodyOf(sent.body ?? call('tools/list')) : undefined)
  })
}

function headersOf(method: string, { token, headers = {} }: Sent): Record<string, string | string[]> {
  const usual: Record<string, string> = { accept: 'application/json, text/event-stream' }
  if (method === 'POST') usual['content-type'] = 'application/json'
  if (token !== undefined) usual.authorization = `Bearer ${token}`
  const all = Object.entries({ ...usual, ...headers })
  return Object.fromEntries(all.flatMap(([name, value]) => (value === null ? [] : [[name, value]])))
}

function bodyOf(body: unknown): string | Buffer {
  return typeof body === 'string' || Buffer.isBuffer(body) ? body : JSON.stringify(body)
}

function parsed(text: string): Readonly<Record<string, unknown>> {
  try {
    const json: unknown = JSON.parse(text)
    return typeof json === 'object' && json !== null ? { ...json } : {}
  } catch {
    return {}
  }
}

/** How long a server that has said nothing yet is listened to. */
const UNHEARD_MS = 10_000

/** Bytes to the server, and everything that it says until it closes the connection or is quiet again for a moment. */
export function sendRaw(stage: Pick<Stage, 'origin'>, bytes: string, quietMs = 400): Promise<string> {
  const { hostname, port } = new URL(stage.origin)
  return new Promise((resolve, reject) => {
    const socket = connect(Number(port), hostname, () => socket.write(bytes, 'latin1'))
    let heard = ''
    socket.setTimeout(UNHEARD_MS, () => socket.destroy())
    socket.on('data', (chunk) => {
      heard += chunk.toString('latin1')
      socket.setTimeout(quietMs)
    })
    socket.on('error', reject)
    socket.on('close', () => resolve(heard))
  })
}

export function call(method: string, params?: object, id: unknown = 1): object {
  return { jsonrpc: '2.0', id, method, ...(params && { params }) }
}

export function notification(method: string, params?: object): object {
  return { jsonrpc: '2.0', method, ...(params && { params }) }
}

export const MODERN = '2026-07-28'

/** A request of 2026-07-28, with the headers that mirror it. */
export function modern(method: string, params: Readonly<Record<string, unknown>> = {}, id: unknown = 1) {
  const _meta = {
    'io.modelcontextprotocol/protocolVersion': MODERN,
    'io.modelcontextprotocol/clientInfo': { name: 'test', version: '1' },
    'io.modelcontextprotocol/clientCapabilities': {},
  }
  const name = params.name ?? params.uri
  return {
    body: call(method, { ...params, _meta }, id),
    headers: {
      'mcp-protocol-version': MODERN,
      'mcp-method': method,
      ...(typeof name === 'string' && { 'mcp-name': name }),
    },
  }
}

/** The error of a JSON-RPC answer. */
export function errorOf({ json }: Answer): { readonly code?: unknown; readonly message?: unknown } {
  const { error } = json
  return typeof error === 'object' && error !== null ? error : {}
}

/** What `read` says once it has said the same for a while; rejects where it never does. */
export async function standstill(read: () => number): Promise<number> {
  let noted = Number.NaN
  for (let looked = 0; looked < 50; looked++) {
    if (noted === read()) return noted
    noted = read()
    await new Promise((resolve) => setTimeout(resolve, 200))
  }
  throw new Error('it never stands still')
}

export async function until(condition: () => boolean, ms = 30_000): Promise<void> {
  const deadline = Date.now() + ms
  while (!condition()) {
    if (Date.now() > deadline) throw new Error('it did not happen in time')
    await new Promise((resolve) => setTimeout(resolve, 2))
  }
}
