// Owns the turns that are under way at this replica, and for a short time what was said in those that are over.

import type { RpcId } from '../../../mcp/rpc.ts'
import type { RepliesNeeds } from '../replies.ts'
import type { KeptTurn, Resumable, Turn } from './turn.ts'

export interface Turns {
  add(turn: Turn): void
  /** Of this session, and under way. */
  find(turn: string, session: string): Turn | null
  /** Of this session; also one that is over, while it is kept. */
  findResumable(turn: string, session: string): Resumable | null
  finished(turn: Turn, kept: KeptTurn | null): void
  /** False for a request that is not under way here. */
  cancel(session: string, request: RpcId): boolean
  endSession(session: string): void
  destroy(): void
}

/** MCP 2025-11-25: who left has not cancelled. What was asked for goes on, but not for ever, and not without number. */
const MOST_AWAY_MS = 15 * 60 * 1000
const MOST_AWAY = { all: 256, ofOne: 32 }
const KEPT_MS = 2 * 60 * 1000
const MOST_KEPT = { all: 1000, ofOne: 64 }
const MOST_KEPT_SIZE = 32 * 1024 * 1024

interface Kept {
  readonly turn: KeptTurn
  readonly since: number
}

export function createTurns({ limits, revocations, clock }: RepliesNeeds): Turns {
  const underWay = new Map<string, Turn>()
  /** The oldest first. */
  const kept = new Map<string, Kept>()
  const pulse = setInterval(beat, limits.pulseMs).unref()
  revocations.onChange(endRevoked)

  function beat(): void {
    endRevoked()
    for (const turn of tooLongAway([...underWay.values()], clock())) turn.abort()
    drop(outlived([...kept.values()], clock()))
  }

  function endRevoked(): void {
    for (const turn of [...underWay.values()]) if (revocations.hasEnded(turn.caller)) turn.abort()
    drop([...kept.values()].filter(({ turn }) => revocations.hasEnded(turn.caller)))
  }

  function drop(dropped: readonly Kept[]): void {
    for (const { turn } of dropped) kept.delete(turn.id)
  }

  function ofSession(session: string): readonly Turn[] {
    return [...underWay.values()].filter((turn) => turn.session.id === session)
  }

  function find(id: string, session: string): Turn | null {
    const turn = underWay.get(id)
    return turn?.session.id === session ? turn : null
  }

  return {
    add: (turn) => void underWay.set(turn.id, turn),
    find,
    findResumable(id, session) {
      const over = kept.get(id)?.turn
      return over?.session.id === session ? over : find(id, session)
    },
    finished(turn, rest) {
      underWay.delete(turn.id)
      if (rest === null) return
      kept.set(rest.id, { turn: rest, since: clock() })
      drop(outlived([...kept.values()], clock()))
    },
    cancel: (session, request) => ofSession(session).some((turn) => turn.cancel(request)),
    endSession(session) {
      for (const turn of ofSession(session)) turn.abort()
      drop([...kept.values()].filter(({ turn }) => turn.session.id === session))
    },
    destroy() {
      clearInterval(pulse)
      for (const turn of [...underWay.values()]) turn.abort()
      kept.clear()
    },
  }
}

/** Beyond a number those that are away the longest: nobody's share takes another's. */
function tooLongAway(turns: readonly Turn[], now: number): readonly Turn[] {
  const away = turns.flatMap((turn) => {
    const since = turn.awaySince()
    return since === null ? [] : [{ turn, since }]
  })
  const newestFirst = away.toSorted((one, other) => other.since - one.since)
  const counted = createCount(MOST_AWAY)
  return newestFirst.flatMap(({ turn, since }) => (counted(turn) && now - since < MOST_AWAY_MS ? [] : [turn]))
}

function outlived(all: readonly Kept[], now: number): readonly Kept[] {
  const counted = createCount(MOST_KEPT)
  let size = 0
  return all.toReversed().filter(({ turn, since }) => {
    size += turn.size
    return !(counted(turn) && size <= MOST_KEPT_SIZE && now - since < KEPT_MS)
  })
}

/** True while there are no more than there may be, of all and of one person. */
function createCount(most: { readonly all: number; readonly ofOne: number }): (turn: Resumable) => boolean {
  const ofOne = new Map<string, number>()
  let all = 0
  return ({ caller: { subject } }) => {
    const own = (ofOne.get(subject) ?? 0) + 1
    ofOne.set(subject, own)
    all++
    return all <= most.all && own <= most.ofOne
  }
}
