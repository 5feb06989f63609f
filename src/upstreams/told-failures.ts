// Owns that an operator learns why an upstream has no answer, which a client does not.

import { type Peer, PeerFailure } from '../mcp/peer.ts'
import { EraMismatch } from './era-mismatch.ts'

/** `why` holds no address, no token and nothing that the upstream said. */
export type FailureLog = (upstream: string, why: string) => void

/** The same reason once in this time: each failed call has a line of its own anyway. */
const PAUSE_MS = 60_000
/** Whose words are ours. */
const OURS: ReadonlySet<string> = new Set(['Error', 'DocumentProblem'])

/** The same peer, whose failures are told. */
export function tellingPeer(peer: Peer, upstream: string, tell: FailureLog, clock: () => number): Peer {
  let told = { why: '', at: Number.NEGATIVE_INFINITY }

  function notice(error: unknown): never {
    const why = error instanceof PeerFailure ? whyOf(error) : ''
    const now = clock()
    if (why !== '' && (why !== told.why || now - told.at >= PAUSE_MS)) {
      told = { why, at: now }
      tell(upstream, why)
    }
    throw error
  }

  return {
    discover: (visitor, signal) => peer.discover(visitor, signal).catch(notice),
    request: (visitor, request, hooks) => peer.request(visitor, request, hooks).catch(notice),
    listen: (visitor, filter, hooks) => peer.listen(visitor, filter, hooks).catch(notice),
  }
}

/** Empty for what is nobody's fault: too much at once, and what a client comes back to too late. */
export function whyOf(failure: PeerFailure): string {
  if (failure.reason === 'busy' || failure.reason === 'lost') return ''
  if (failure instanceof EraMismatch) return 'answer: it refuses to begin a session (initialize)'
  const causes = [...chainOf(failure)]
  const code = causes.map(codeOf).find((each) => each !== null)
  // The words of the system and of parsers may repeat what they were given.
  const ours = causes.find((cause) => OURS.has(cause.name) && codeOf(cause) === null)
  return [failure.reason, ours?.message ?? code].filter((each) => each !== undefined).join(': ')
}

function* chainOf({ cause }: Error): Generator<Error, void> {
  for (let each = cause; each instanceof Error; each = each.cause) yield each
}

function codeOf(error: Error): string | null {
  return 'code' in error && typeof error.code === 'string' ? error.code : null
}
