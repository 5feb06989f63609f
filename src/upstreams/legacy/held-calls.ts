// Owns the calls that wait for their client: kept open at the upstream until it comes back, bounded in number and time.

import { randomUUID } from 'node:crypto'
import { PeerFailure } from '../../mcp/peer.ts'
import type { Members } from '../../mcp/rpc.ts'
import { SessionLost } from './channel.ts'
import type { InputRequest } from './input.ts'
import type { LegacyLimits } from './limits.ts'
import type { Answer } from './message.ts'
import type { Ears, UpstreamCall } from './upstream-call.ts'

/** What came of one turn: as plain data, because it may have been taken on another replica. */
export type Turn =
  | { readonly kind: 'answer'; readonly answer: Answer; readonly serverInfo: Members | null }
  | {
      readonly kind: 'asks'
      readonly asks: Readonly<Record<string, InputRequest>>
      /** To come back with. */
      readonly call: string
      readonly round: number
    }

export interface Return {
  readonly call: string
  readonly round: number
  readonly responses: Members
}

export interface HeldCalls {
  /** The first turn. Rejects like `UpstreamCall.wait`, or with a `PeerFailure` when too many are held. */
  begin(call: UpstreamCall, person: string, ears: Ears): Promise<Turn>
  /** One more turn. Only one return to a round gets it; for all others, and for what is gone, a `PeerFailure`. */
  resume(back: Return, ears: Ears): Promise<Turn>
  count(): number
  /** Gives them all up. */
  close(): void
}

interface Held {
  readonly upstream: UpstreamCall
  readonly person: string
  readonly round: number
  readonly expiry: NodeJS.Timeout
}

export function createHeldCalls({ heldMs, maxHeld, maxHeldPerPerson }: LegacyLimits): HeldCalls {
  const held = new Map<string, Held>()

  async function turn(
    call: string,
    round: number,
    upstream: UpstreamCall,
    person: string,
    ears: Ears,
  ): Promise<Turn> {
    const step = await upstream.wait(ears)
    if (step.kind === 'answer') return { ...step, serverInfo: upstream.serverInfo }
    if (isFull(person)) {
      upstream.cancel()
      throw new PeerFailure('busy')
    }
    const expiry = setTimeout(() => giveUp(call), heldMs).unref()
    held.set(call, { upstream, person, round, expiry })
    return { ...step, call, round }
  }

  function isFull(person: string): boolean {
    if (held.size >= maxHeld) return true
    return [...held.values()].filter((each) => each.person === person).length >= maxHeldPerPerson
  }

  /** Out of the table, so that nobody else comes back to it. */
  function take(call: string): Held | null {
    const found = held.get(call) ?? null
    held.delete(call)
    clearTimeout(found?.expiry)
    return found
  }

  function giveUp(call: string): void {
    take(call)?.upstream.cancel()
  }

  return {
    begin: (call, person, ears) => turn(randomUUID(), 1, call, person, ears),
    async resume({ call, round, responses }, ears) {
      if (held.get(call)?.round !== round) throw new PeerFailure('lost')
      const found = take(call)
      if (found === null) throw new PeerFailure('lost')
      try {
        await found.upstream.respond(responses)
        return await turn(call, round + 1, found.upstream, found.person, ears)
      } catch (error) {
        found.upstream.cancel()
        throw error instanceof SessionLost ? new PeerFailure('lost', { cause: error }) : error
      }
    },
    count: () => held.size,
    close() {
      for (const call of [...held.keys()]) giveUp(call)
    },
  }
}
