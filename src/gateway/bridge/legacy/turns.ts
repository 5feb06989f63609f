// Owns the turns that are under way at this replica, and for a short time those that a client may come back for.

import type { RpcId } from '../../../mcp/rpc.ts'
import type { RepliesNeeds } from '../replies.ts'
import type { Turn } from './turn.ts'

export interface Turns {
  add(turn: Turn): void
  /** Of this session; also one that is finished, while it is kept. */
  find(turn: string, session: string): Turn | null
  finished(turn: Turn): void
  cancel(session: string, request: RpcId): void
  endSession(session: string): void
  destroy(): void
}

/** MCP 2025-11-25: a client that left has not cancelled. What it asked for goes on, but not for ever, and not without number. */
const MOST_AWAY_MS = 15 * 60 * 1000
const MOST_AWAY = 256
const KEPT_MS = 2 * 60 * 1000
const MOST_KEPT = 1000
const MOST_KEPT_SIZE = 32 * 1024 * 1024

interface Kept {
  readonly turn: Turn
  readonly since: number
  readonly size: number
}

export function createTurns({ limits, revocations, clock }: RepliesNeeds): Turns {
  const underWay = new Map<string, Turn>()
  /** The oldest first. */
  const kept = new Map<string, Kept>()
  let keptSize = 0
  const pulse = setInterval(beat, limits.pulseMs).unref()
  revocations.onChange(endRevoked)

  function beat(): void {
    endRevoked()
    endForgotten()
    dropKept()
  }

  function endRevoked(): void {
    for (const turn of underWay.values()) if (revocations.hasEnded(turn.caller)) turn.abort()
    for (const { turn } of kept.values()) if (revocations.hasEnded(turn.caller)) drop(turn.id)
  }

  function endForgotten(): void {
    const away = [...underWay.values()].flatMap((turn) => {
      const since = turn.awaySince()
      return since === null ? [] : [{ turn, since }]
    })
    away.sort((a, b) => a.since - b.since)
    const tooMany = away.length - MOST_AWAY
    for (const [index, { turn, since }] of away.entries()) {
      if (index < tooMany || clock() - since >= MOST_AWAY_MS) turn.abort()
    }
  }

  function dropKept(): void {
    for (const { turn, since } of kept.values()) {
      const fits = kept.size <= MOST_KEPT && keptSize <= MOST_KEPT_SIZE
      if (fits && clock() - since < KEPT_MS) return
      drop(turn.id)
    }
  }

  function drop(id: string): void {
    keptSize -= kept.get(id)?.size ?? 0
    kept.delete(id)
  }

  function ofSession(session: string): readonly Turn[] {
    return [...underWay.values()].filter((turn) => turn.session.id === session)
  }

  return {
    add: (turn) => void underWay.set(turn.id, turn),
    find(id, session) {
      const turn = underWay.get(id) ?? kept.get(id)?.turn
      return turn?.session.id === session ? turn : null
    },
    finished(turn) {
      underWay.delete(turn.id)
      if (!turn.isResumable()) return
      const size = turn.size()
      kept.set(turn.id, { turn, since: clock(), size })
      keptSize += size
      dropKept()
    },
    cancel(session, request) {
      for (const turn of ofSession(session)) if (turn.cancel(request)) return
    },
    endSession(session) {
      for (const turn of ofSession(session)) turn.abort()
      for (const { turn } of [...kept.values()]) if (turn.session.id === session) drop(turn.id)
    },
    destroy() {
      clearInterval(pulse)
      for (const turn of [...underWay.values()]) turn.abort()
      kept.clear()
    },
  }
}
