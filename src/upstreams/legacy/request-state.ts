// Owns `requestState` (MCP 2026-07-28, basic/patterns/mrtr.mdx): where the call goes on that a client comes back to.

import { createHash } from 'node:crypto'
import { PeerFailure, type PeerRequest, type Visitor } from '../../mcp/peer.ts'
import { isRecord } from '../../mcp/rpc.ts'

/** Authenticated encryption: `open` answers null for what was altered, or sealed for another `aad`. */
export interface StateSealer {
  seal(text: string, aad: string): string
  open(text: string, aad: string): string | null
}

/** One turn of a call that is held: good once. */
export interface Ticket {
  /** Of the replica that holds it. */
  readonly address: string
  /** Cannot be guessed; stands for the session and the call in it. */
  readonly call: string
  readonly round: number
}

export type State =
  | ({ readonly kind: 'held' } & Ticket)
  /** The upstream made nothing of the call; it is made again. `than`: with another credential than the one of this digest. */
  | { readonly kind: 'again'; readonly than?: string }

export interface States {
  seal(state: State, visitor: Visitor, request: PeerRequest): string
  /** Throws a `PeerFailure` for anybody else's, another request's, an altered or an expired one: they look all the same. */
  open(sealed: string, visitor: Visitor, request: PeerRequest): State
}

export interface StatesNeeds {
  readonly upstream: string
  readonly sealer: StateSealer
  readonly ttlMs: number
  /** Milliseconds since the epoch. */
  readonly clock: () => number
}

const MAX_LENGTH = 4096

export function createStates({ upstream, sealer, ttlMs, clock }: StatesNeeds): States {
  /** Of the person and client, not of the grant: who was asked for more scope in between goes on. */
  const boundTo = ({ caller }: Visitor, { method, params }: PeerRequest) =>
    JSON.stringify([caller.subject, caller.clientId, upstream, method, digestOf(params)])

  return {
    seal: (state, visitor, request) =>
      sealer.seal(JSON.stringify({ ...state, until: clock() + ttlMs }), boundTo(visitor, request)),
    open(sealed, visitor, request) {
      const text = sealed.length > MAX_LENGTH ? null : sealer.open(sealed, boundTo(visitor, request))
      const state = text === null ? null : read(JSON.parse(text), clock())
      if (state === null) throw new PeerFailure('lost')
      return state
    },
  }
}

function read(value: unknown, now: number): State | null {
  if (!isRecord(value) || typeof value.until !== 'number' || value.until < now) return null
  if (value.kind === 'again')
    return { kind: 'again', ...(typeof value.than === 'string' && { than: value.than }) }
  const { kind, address, call, round } = value
  if (kind !== 'held' || typeof address !== 'string' || typeof call !== 'string') return null
  return typeof round === 'number' ? { kind, address, call, round } : null
}

/** Without `_meta`: a retry has a progress token and a trace of its own. */
function digestOf({ _meta, ...params }: PeerRequest['params']): string {
  return createHash('sha256')
    .update(JSON.stringify(ordered(params)))
    .digest('base64url')
}

/** Members in one order, whatever order they came in. */
function ordered(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(ordered)
  if (!isRecord(value)) return value
  return Object.entries(value)
    .sort(([one], [other]) => (one < other ? -1 : 1))
    .map(([name, member]) => [name, ordered(member)])
}
