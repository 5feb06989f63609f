// Owns the one fetch for documents whose address a stranger chose: client ID metadata documents and the keys they name.

import { LRUCache } from 'lru-cache'
import { type Download, type DownloadOptions, download } from './outbound-download.ts'
import { OutboundError } from './outbound-error.ts'
import { createOutboundLimits, DEFAULT_LIMITS, type Limits } from './outbound-limits.ts'
import { outboundTarget } from './outbound-target.ts'

export { OutboundError }

const DEADLINE_MS = 2500
/** Long enough to carry many requests with one fetch, as short as the shortest life of a cached document. */
const REUSE_MS = 30_000
const REUSED_DOCUMENTS = 100

export interface OutboundOptions extends DownloadOptions {
  /** PUBLIC_URL: never fetched, since a request of ours must not cause another one here. */
  readonly ownOrigin: string
  /** For everything together: waiting, DNS, TLS, headers and body. */
  readonly timeoutMs?: number
  readonly limits?: Partial<Limits>
  readonly clock?: () => number
}

/** The shape of `fetch`, as oidc-provider's configuration wants it; only GET, and nothing of `init` is used. */
export type OutboundFetch = (input: string | URL | Request, init?: RequestInit) => Promise<Response>

/**
 * A fetch that strangers cannot aim at our network. The addresses that were checked are the ones that are dialled,
 * whatever DNS says later, and there is no proxy or global dispatcher in between that could resolve again. Redirects
 * are failures. Every failure is an OutboundError.
 */
export function createOutboundFetch(options: OutboundOptions): OutboundFetch {
  const { ownOrigin, timeoutMs = DEADLINE_MS, clock = Date.now } = options
  const ownHost = new URL(ownOrigin).hostname
  const limits = createOutboundLimits({ ...DEFAULT_LIMITS, ...options.limits }, clock)
  const recent = new LRUCache<string, { document: Promise<Download>; until: number }>({
    max: REUSED_DOCUMENTS,
  })

  const load = (target: URL): Promise<Download> => {
    const known = recent.get(target.href)
    if (known && clock() < known.until) return known.document
    if (!limits.admit(target.hostname))
      return Promise.reject(new OutboundError('too many fetches within a minute'))
    const signal = AbortSignal.timeout(timeoutMs)
    const document = limits.run(target.hostname, signal, () => download(target, signal, options))
    recent.set(target.href, { document, until: clock() + REUSE_MS })
    document.catch(() => recent.delete(target.href))
    return document
  }

  return async (input, init) => {
    const target = outboundTarget(input instanceof Request ? input.url : String(input), ownHost)
    if (target === null || (init?.method ?? 'GET') !== 'GET')
      throw new OutboundError('the URL may not be fetched', { isLasting: true })
    try {
      const { headers, body } = await load(target)
      return new Response(body, { status: 200, headers })
    } catch (cause) {
      throw cause instanceof OutboundError ? cause : new OutboundError(reasonOf(cause), { cause })
    }
  }
}

function reasonOf(cause: unknown): string {
  if (!(cause instanceof Error)) return 'the connection failed'
  // Only the deadline aborts.
  if (cause.name === 'TimeoutError' || cause.name === 'AbortError') return 'it took too long'
  return 'code' in cause && typeof cause.code === 'string' ? cause.code : cause.name
}
