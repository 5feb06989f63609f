// Owns the official SDKs' clients, each started with nothing but the URL of an MCP endpoint and a person at hand.

import { createServer } from 'node:http'
import {
  Client as ClientV2,
  type OAuthDiscoveryState,
  StreamableHTTPClientTransport as TransportV2,
} from '@modelcontextprotocol/client'
import { Client as ClientV1 } from '@modelcontextprotocol/sdk/client/index.js'
import { StreamableHTTPClientTransport as TransportV1 } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import type { Teardown } from './database.ts'
import { serveLocally } from './local-server.ts'

const INFO = { name: 'Tester', version: '1.0.0' }

/** Takes a person's browser to the URL and returns when the client's callback was reached. */
export type SendPerson = (url: URL) => Promise<void>

export interface CallOptions {
  readonly onprogress?: () => void
}

/** One connection that succeeds or throws. */
interface Attempt {
  connect(): Promise<void>
  tools(): Promise<readonly string[]>
  call(name: string, args: Record<string, unknown>, options: CallOptions): Promise<string>
  finish(callback: URLSearchParams): Promise<void>
  close(): Promise<void>
}

export type StartAttempt = (url: string, login: Login) => Attempt

type Kind = readonly [kind: string, start: StartAttempt]

export const CLIENTS: readonly [v1: Kind, ...v2: Kind[]] = [
  ['SDK v1', startV1],
  ['SDK v2, 2025 era', (url, login) => startV2(url, login, 'legacy')],
  ['SDK v2, 2026-07-28', (url, login) => startV2(url, login, { pin: '2026-07-28' })],
]

export interface Person {
  readonly send: SendPerson
  /** How often the client sent the person through the browser. */
  readonly journeys: () => number
}

export interface ConnectedClient {
  tools(): Promise<readonly string[]>
  /** The text of the result. A refusal that asks for more scope sends the person once and repeats the call. */
  call(name: string, args?: Record<string, unknown>, options?: CallOptions): Promise<string>
  scope(): string | undefined
  journeys(): number
  close(): Promise<void>
}

/** What a client keeps of its login, in the form that both SDKs ask for it. */
type Login = ReturnType<typeof createLogin>

/** Discovers, registers, sends the person through login and consent, redeems the code, and connects. */
export async function connectClient(
  t: Teardown,
  start: StartAttempt,
  url: string,
  send: SendPerson,
): Promise<ConnectedClient> {
  const login = createLogin(await listenForCallback(t), send)
  let attempt = start(url, login)

  const again = async () => {
    const callback = login.takeCallback()
    if (!callback) return false
    await attempt.finish(callback)
    attempt = start(url, login)
    await attempt.connect()
    return true
  }
  const orAgain = async <Value>(act: () => Promise<Value>): Promise<Value> => {
    try {
      return await act()
    } catch (error) {
      if (!(await again())) throw error
      return act()
    }
  }

  await attempt.connect().catch(async (error) => {
    if (!(await again())) throw error
  })
  t.teardown(() => attempt.close())
  return {
    tools: () => attempt.tools(),
    call: (name, args = {}, options = {}) => orAgain(() => attempt.call(name, args, options)),
    scope: () => login.tokens()?.scope,
    journeys: login.journeys,
    close: () => attempt.close(),
  }
}

interface Tokens {
  readonly access_token: string
  readonly token_type: string
  readonly scope?: string
}

function createLogin(callback: Callback, send: SendPerson) {
  const kept = { verifier: '', journeys: 0 }
  let information: { client_id: string } | undefined
  let tokens: Tokens | undefined
  let discovered: OAuthDiscoveryState | undefined
  let parameters: URLSearchParams | null = null
  return {
    redirectUrl: callback.url,
    clientMetadata: { client_name: 'Tester', redirect_uris: [callback.url] },
    clientInformation: () => information,
    saveClientInformation: (saved: { client_id: string }) => {
      information = saved
    },
    tokens: () => tokens,
    saveTokens: (saved: Tokens) => {
      tokens = saved
    },
    invalidateCredentials: (what: string) => {
      if (what === 'all' || what === 'tokens') tokens = undefined
      if (what === 'all' || what === 'client') information = undefined
      if (what === 'all' || what === 'discovery') discovered = undefined
    },
    discoveryState: () => discovered,
    saveDiscoveryState: (state: OAuthDiscoveryState) => {
      discovered = state
    },
    saveCodeVerifier: (verifier: string) => {
      kept.verifier = verifier
    },
    codeVerifier: () => kept.verifier,
    async redirectToAuthorization(url: URL) {
      kept.journeys += 1
      const received = callback.next()
      await send(url)
      parameters = await received
    },
    journeys: () => kept.journeys,
    takeCallback() {
      const taken = parameters
      parameters = null
      return taken
    },
  }
}

function startV1(url: string, login: Login): Attempt {
  const client = new ClientV1(INFO)
  const transport = new TransportV1(new URL(url), { authProvider: login })
  // SDK v1 was not written for exactOptionalPropertyTypes: its own transport does not fit its own interface.
  const connectable: { connect(transport: object): Promise<void> } = client
  return {
    connect: () => connectable.connect(transport),
    finish: (callback) => transport.finishAuth(callback.get('code') ?? ''),
    tools: async () => (await client.listTools()).tools.map((tool) => tool.name),
    call: async (name, args, options) =>
      textOf(await client.callTool({ name, arguments: args }, undefined, options)),
    close: () => client.close(),
  }
}

function startV2(url: string, login: Login, mode: 'legacy' | { pin: string }): Attempt {
  const client = new ClientV2(INFO, { versionNegotiation: { mode } })
  const transport = new TransportV2(new URL(url), { authProvider: login })
  return {
    connect: () => client.connect(transport),
    finish: (callback) => transport.finishAuth(callback),
    tools: async () => (await client.listTools()).tools.map((tool) => tool.name),
    call: async (name, args, options) => textOf(await client.callTool({ name, arguments: args }, options)),
    close: () => client.close(),
  }
}

function textOf(result: object): string {
  const content = 'content' in result && Array.isArray(result.content) ? result.content : []
  return content.map((part: object) => ('text' in part ? String(part.text) : '')).join('')
}

interface Callback {
  readonly url: string
  /** The parameters of the next visit. */
  next(): Promise<URLSearchParams>
}

/** The loopback server that a native client listens on for its code (RFC 8252 §7.3). */
async function listenForCallback(t: Teardown): Promise<Callback> {
  let resolve: (parameters: URLSearchParams) => void = () => {}
  const server = createServer((request, response) => {
    const url = new URL(request.url ?? '/', 'http://127.0.0.1')
    response.setHeader('content-type', 'text/html')
    response.end(
      '<!doctype html><html lang="en"><title>Connected</title><p>You can close this window.</p></html>',
    )
    if (url.pathname === '/callback') resolve(url.searchParams)
  })
  const origin = await serveLocally(t, server)
  const next = () =>
    new Promise<URLSearchParams>((done) => {
      resolve = done
    })
  return { url: `${origin}/callback`, next }
}
