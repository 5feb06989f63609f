// Owns what the aggregate gathers: an upstream, and the peer that it is for us.

import { type Peer, PeerFailure, type PeerFailureReason } from '../../mcp/peer.ts'
import type { Upstream } from '../../upstreams/registry.ts'

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
  /** Asks one, for as long as it is to be waited for. */
  readonly wait: <T>(member: Member, ask: (signal: AbortSignal) => Promise<T>) => Promise<T>
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
  { wait, report }: Asking,
  ask: (member: Member, signal: AbortSignal) => Promise<T>,
): Promise<Gathered<T>> {
  const missing = new Map<Member, Missing>()
  const asked = members.map(async (member) => {
    try {
      return [{ member, answer: await wait(member, (signal) => ask(member, signal)) }]
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
