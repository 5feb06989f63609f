// Owns what the aggregate gathers: an upstream, and the peer that it is for us.

import { type Peer, PeerFailure, type PeerFailureReason } from '../../mcp/peer.ts'
import type { Upstream } from '../../upstreams/registry.ts'
import { within } from './within.ts'

export interface Member {
  readonly upstream: Upstream
  readonly peer: Peer
}

/** An upstream that did not answer, and why. */
export interface Missing {
  readonly upstream: string
  readonly reason: PeerFailureReason
  /** More about it, where there is something to say. */
  readonly description: string | null
}

export interface Asking {
  readonly signal: AbortSignal
  readonly limitMs: number
  /** A bug or an outage, for the log. */
  readonly report: (error: unknown) => void
}

export interface Gathered<T> {
  /** In the order of the members. */
  readonly answers: readonly { readonly member: Member; readonly answer: T }[]
  readonly missing: readonly Missing[]
}

/** Asks all at once; who is down or slow is missing from the answer, and takes nobody else down. */
export async function askEach<T>(
  members: readonly Member[],
  { signal, limitMs, report }: Asking,
  ask: (member: Member, signal: AbortSignal) => Promise<T>,
): Promise<Gathered<T>> {
  const missing = new Map<Member, Missing>()
  const asked = members.map(async (member) => {
    try {
      return [{ member, answer: await within(limitMs, signal, (either) => ask(member, either)) }]
    } catch (error) {
      missing.set(member, { upstream: member.upstream.name, ...reasonOf(error, report) })
      return []
    }
  })
  const answers = (await Promise.all(asked)).flat()
  return { answers, missing: members.flatMap((member) => missing.get(member) ?? []) }
}

function reasonOf(error: unknown, report: Asking['report']): Omit<Missing, 'upstream'> {
  if (error instanceof PeerFailure) return { reason: error.reason, description: error.description }
  report(error)
  return { reason: 'answer', description: null }
}
