// Owns the stage of the tests of modern clients at a legacy upstream: gateways with a peer of ours, and the client.

import { randomBytes } from 'node:crypto'
import { Client, type ClientOptions, StreamableHTTPClientTransport } from '@modelcontextprotocol/client'
import type { GatewayNeeds } from '../../../src/gateway/gateway.ts'
import { type Connections, createConnections } from '../../../src/http/connections.ts'
import { createLocalMailbox, type Mailbox } from '../../../src/mcp/mailbox.ts'
import { createKeyring } from '../../../src/storage/sealing.ts'
import { type CredentialFor, staticCredentials } from '../../../src/upstreams/credentials.ts'
import { openHttpChannels } from '../../../src/upstreams/legacy/http-channel.ts'
import type { LegacyLimits } from '../../../src/upstreams/legacy/limits.ts'
import { createLegacyPeer, type LegacyPeer } from '../../../src/upstreams/legacy/peer.ts'
import type { Upstream } from '../../../src/upstreams/registry.ts'
import { createUpstream } from '../../../src/upstreams/settings.ts'
import { MODERN, modern, type Sent, type Stage, setStage, type Teardown } from '../stage.ts'

export interface BridgeStage extends Stage {
  readonly peer: LegacyPeer
}

export interface BridgeOptions {
  /** Shared with another replica. */
  readonly mailbox?: Mailbox
  readonly secret?: string
  /** Whose tokens are good here too. */
  readonly sharing?: Stage
  readonly limits?: Partial<LegacyLimits>
  readonly needs?: Partial<GatewayNeeds>
  readonly credentialFor?: CredentialFor
  readonly connections?: Connections
  /** More endpoints of the same upstream. */
  readonly otherUrls?: readonly string[]
}

/** A gateway before a legacy upstream at this URL. */
export async function setBridge(t: Teardown, url: string, options: BridgeOptions = {}): Promise<BridgeStage> {
  const { sharing } = options
  const peer = openPeer(
    t,
    createUpstream({
      name: 'notes',
      title: 'Notes',
      url,
      otherUrls: options.otherUrls ?? [],
      headers: HEADERS,
    }),
    options,
  )
  const stage = await setStage(t, [{ url }], {
    links: {
      passes: () => false,
      contradict: () => undefined,
      peerOf: () => peer,
      close: async () => undefined,
    },
    ...(sharing && { keys: { find: (kid: string) => sharing.keys.get(kid) ?? null } }),
    ...options.needs,
  })
  return { ...stage, ...(sharing && { token: sharing.token }), peer }
}

const HEADERS = { 'x-of-the-operator': 'yes' }

function openPeer(t: Teardown, upstream: Upstream, options: BridgeOptions): LegacyPeer {
  const { mailbox = createLocalMailbox(), limits = {}, credentialFor = staticCredentials } = options
  const keyring = createKeyring([options.secret ?? newSecret()])
  const connections = options.connections ?? createConnections()
  const peer = createLegacyPeer({
    upstream,
    open: openHttpChannels({ connections }),
    credentialFor,
    sealer: {
      seal: (text, aad) => keyring.seal('request-state', text, aad),
      open: (sealed, aad) => keyring.open('request-state', sealed, aad)?.toString() ?? null,
    },
    mailbox,
    limits,
  })
  t.teardown(async () => {
    await peer.close()
    await connections.close()
  })
  return peer
}

export function newSecret(): string {
  return randomBytes(32).toString('base64url')
}

/** The second SDK's client, in the modern era and nothing else. */
export async function connectModern(
  t: Teardown,
  stage: Pick<Stage, 'origin' | 'token'>,
  options: ClientOptions = {},
  token = stage.token(),
): Promise<Client> {
  const client = new Client(
    { name: 'modern', version: '1' },
    { versionNegotiation: { mode: { pin: MODERN } }, ...options },
  )
  const headers = { authorization: `Bearer ${await token}` }
  const url = new URL('/mcp/notes', stage.origin)
  await client.connect(new StreamableHTTPClientTransport(url, { requestInit: { headers } }))
  t.teardown(() => client.close())
  return client
}

export interface Asking {
  readonly token: string
  readonly id?: unknown
  readonly capabilities?: object
  readonly meta?: object
  readonly signal?: AbortSignal
}

/** One request of the modern era, by hand. */
export function asking(
  method: string,
  params: Readonly<Record<string, unknown>>,
  { token, id = 1, capabilities = {}, meta = {}, signal }: Asking,
): Sent {
  const { body, headers } = modern(method, params, id)
  return {
    token,
    headers,
    body: withMeta(body, { [CAPABILITIES]: capabilities, ...meta }),
    ...(signal && { signal }),
  }
}

const CAPABILITIES = 'io.modelcontextprotocol/clientCapabilities'

function withMeta(body: object, more: object): unknown {
  const copy = structuredClone(body)
  if ('params' in copy && typeof copy.params === 'object' && copy.params !== null && '_meta' in copy.params) {
    Object.assign(copy.params._meta ?? {}, more)
  }
  return copy
}
