// Owns the ids of the events on the stream of a call: which call, how far, and which requests it answers.

import { randomBytes } from 'node:crypto'
import { isRpcId, type RpcId } from '../../../mcp/rpc.ts'

/** A place in the stream of a call, as a client that comes back names it. */
export interface Cursor {
  readonly turn: string
  /** The number of the last event that the client has. */
  readonly after: number
  /** It was the last one of all. */
  readonly last: boolean
  /** For the answer when the call is lost. A client's own word, told to nobody but itself. */
  readonly requests: readonly RpcId[]
}

const MAX_REQUESTS_LENGTH = 200
const EVENT_ID = /^([\w-]{22})\.(\d{1,9})(z?)\.([\w-]{0,300})$/
const QUESTION_ID = /^ask-([\w-]{22})-\d{1,9}$/

/** The id of a turn: not to be guessed. */
export function newTurnId(): string {
  return randomBytes(16).toString('base64url')
}

/** MCP 2025-11-25, "Resumability and Redelivery": unique in the session, and it tells the stream. */
export function eventIds(
  turn: string,
  requests: readonly RpcId[],
): (number: number, last: boolean) => string {
  const named = JSON.stringify(requests)
  const tail = named.length > MAX_REQUESTS_LENGTH ? '' : Buffer.from(named).toString('base64url')
  return (number, last) => `${turn}.${number}${last ? 'z' : ''}.${tail}`
}

/** Null for what we never gave out. */
export function readEventId(text: string): Cursor | null {
  const [, turn, number, last, tail = ''] = EVENT_ID.exec(text) ?? []
  if (turn === undefined) return null
  return { turn, after: Number(number), last: last === 'z', requests: readRequests(tail) }
}

/** Of a request to the client: any replica that gets the response knows whose it is. */
export function questionId(turn: string, number: number): string {
  return `ask-${turn}-${number}`
}

export function turnAsking(id: RpcId | null): string | null {
  return typeof id === 'string' ? (QUESTION_ID.exec(id)?.[1] ?? null) : null
}

function readRequests(tail: string): readonly RpcId[] {
  try {
    const named: unknown = JSON.parse(Buffer.from(tail, 'base64url').toString())
    return Array.isArray(named) ? named.filter(isRpcId) : []
  } catch {
    return []
  }
}
