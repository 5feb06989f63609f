// Owns the fetch towards the authorization servers of upstreams: to what an operator configured as it is, to anything else guarded.

import { Agent, type Dispatcher } from 'undici'
import { type DownloadOptions, openChecked } from './outbound-download.ts'
import { OutboundError } from './outbound-error.ts'
import { outboundTarget } from './outbound-target.ts'

/** The shape of `fetch` that OAuth libraries want. Redirects are answers; nothing is followed. */
export type GuardedFetch = (input: string | URL, init?: GuardedInit) => Promise<Response>

export interface GuardedInit extends RequestInit {
  /** The origins that an operator named where this request comes from; without it, anywhere. */
  readonly named?: ReadonlySet<string>
}

export interface GuardedFetchOptions extends DownloadOptions {
  /** Whether the operator named this origin: then a private address, or http, is the operator's choice. */
  readonly isConfigured: (origin: string, named: ReadonlySet<string> | undefined) => boolean
  readonly timeoutMs?: number
}

const DEADLINE_MS = 15_000
const MOST_BYTES = 256 * 1024
const NO_CONTENT: ReadonlySet<number> = new Set([204, 205, 304])
/** What a library decides by. No cookie ever, and nothing that is about the connection. */
const PASSED_ON = [
  'content-type',
  'cache-control',
  'expires',
  'www-authenticate',
  'location',
  'dpop-nonce',
  'retry-after',
]

/** Every failure to get an answer is a TypeError, as `fetch` has it; its cause says why. */
export function createGuardedFetch(options: GuardedFetchOptions): GuardedFetch {
  const { isConfigured, timeoutMs = DEADLINE_MS, maxBytes = MOST_BYTES } = options
  const agent = new Agent({ maxResponseSize: maxBytes, connections: 8, pipelining: 1, allowH2: false })

  return async (input, init = {}) => {
    const url = new URL(input)
    const deadline = AbortSignal.timeout(timeoutMs)
    const signal = init.signal ? AbortSignal.any([init.signal, deadline]) : deadline
    try {
      if (isConfigured(url.origin, init.named)) return await ask(agent, url, init, signal)
      const target = outboundTarget(url.href, null)
      if (target === null) throw new OutboundError('the address is not public, or not https')
      const client = await openChecked(target, signal, { ...options, maxBytes })
      try {
        return await ask(client, target, init, signal)
      } finally {
        await client.destroy()
      }
    } catch (cause) {
      throw new TypeError(`${url.host} could not be asked: ${reasonOf(cause)}.`, { cause })
    }
  }
}

async function ask(
  dispatcher: Dispatcher,
  url: URL,
  init: RequestInit,
  signal: AbortSignal,
): Promise<Response> {
  const method = init.method === 'POST' ? 'POST' : 'GET'
  const { statusCode, headers, body } = await dispatcher.request({
    origin: url.origin,
    path: url.pathname + url.search,
    method,
    headers: [...headersOf(init), 'accept-encoding', 'identity', 'user-agent', 'Gatehouse'],
    body: method === 'POST' ? bodyOf(init) : null,
    signal,
  })
  const bytes = new Uint8Array(await body.arrayBuffer())
  const passed = PASSED_ON.flatMap((name): [string, string][] => {
    const value = headers[name]
    // RFC 9110 §5.3: several challenges are one list. Anything else there is once, or it is not understood.
    if (Array.isArray(value) && name === 'www-authenticate') return [[name, value.join(', ')]]
    return typeof value === 'string' ? [[name, value]] : []
  })
  return new Response(NO_CONTENT.has(statusCode) ? null : bytes, { status: statusCode, headers: passed })
}

/** Flat pairs. */
function headersOf(init: RequestInit): string[] {
  const headers = new Headers(init.headers)
  if (init.body instanceof URLSearchParams && !headers.has('content-type'))
    headers.set('content-type', 'application/x-www-form-urlencoded')
  return [...headers].flat()
}

function bodyOf({ body }: RequestInit): string {
  if (typeof body === 'string') return body
  return body instanceof URLSearchParams ? body.toString() : ''
}

function reasonOf(cause: unknown): string {
  if (cause instanceof OutboundError) return cause.detail
  if (!(cause instanceof Error)) return 'the connection failed'
  if (cause.name === 'TimeoutError' || cause.name === 'AbortError') return 'it took too long'
  return 'code' in cause && typeof cause.code === 'string' ? cause.code : cause.name
}
