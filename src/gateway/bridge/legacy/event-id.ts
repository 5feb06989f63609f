// Owns the ids of the events on the stream of a call: which call, how far, and which requests it answers.

import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto'
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

const RANDOM_BYTES = 12
const MARK_BYTES = 9
const MAX_REQUESTS_LENGTH = 200
const EVENT_ID = /^([\w-]{28})\.(\d{1,9})(z?)\.([\w-]{0,300})$/
const QUESTION_ID = /^ask-([\w-]{28})-\d{1,9}$/

/** The id of a turn: not to be guessed, and any replica can tell that it was made for this session. */
export function newTurnId(session: string): string {
  const random = randomBytes(RANDOM_BYTES)
  return Buffer.concat([random, markOf(random, session)]).toString('base64url')
}

/** Nobody asks other replicas for what a client made up. */
function isTurnOf(turn: string, session: string): boolean {
  const bytes = Buffer.from(turn, 'base64url')
  if (bytes.length !== RANDOM_BYTES + MARK_BYTES) return false
  return timingSafeEqual(bytes.subarray(RANDOM_BYTES), markOf(bytes.subarray(0, RANDOM_BYTES), session))
}

/** The session's own id is a secret: clients have it sealed alone. */
function markOf(random: Buffer, session: string): Buffer {
  return createHmac('sha256', session).update(random).digest().subarray(0, MARK_BYTES)
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

/** Null for what was never given out in this session. */
export function readEventId(text: string, session: string): Cursor | null {
  const [, turn, number, last, tail = ''] = EVENT_ID.exec(text) ?? []
  if (turn === undefined || !isTurnOf(turn, session)) return null
  return { turn, after: Number(number), last: last === 'z', requests: readRequests(tail) }
}

/** Of a request to the client: any replica that gets the response knows whose it is. */
export function questionId(turn: string, number: number): string {
  return `ask-${turn}-${number}`
}

/** Null for what was never asked in this session. */
export function turnAsking(id: RpcId, session: string): string | null {
  const [, turn] = typeof id === 'string' ? (QUESTION_ID.exec(id) ?? []) : []
  return turn !== undefined && isTurnOf(turn, session) ? turn : null
}

function readRequests(tail: string): readonly RpcId[] {
  try {
    const named: unknown = JSON.parse(Buffer.from(tail, 'base64url').toString())
    return Array.isArray(named) ? named.filter(isRpcId) : []
  } catch {
    return []
  }
}
