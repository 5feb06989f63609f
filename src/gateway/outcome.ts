// Owns how a call ended.

import type { RefusalReason } from './refusal.ts'

export interface Outcome {
  /**
   * `answered` by the upstream, `refused` by us instead, `aborted` by the client, `failed` half-way, `ended` by us half-way.
   */
  readonly outcome: 'answered' | 'refused' | 'aborted' | 'failed' | 'ended'
  readonly status: number
  /** Why it was refused. */
  readonly reason: RefusalReason | null
  /** What the system calls what went wrong (`ECONNREFUSED`), for the log alone. */
  readonly detail: string | null
  /** Nobody has answered yet, and somebody may try again. */
  readonly handedBack?: boolean
  /** Because what was presented lacks this scope: renewing it helps nobody. */
  readonly wantsScope?: string | null
  /** Because the proof of possession lacked a nonce, which is known now (RFC 9449 §9): nothing is to be renewed. */
  readonly wantsNonce?: boolean
}

/** Before there was a status: the number that proxies use in their logs. */
export const CLIENT_LEFT: Outcome = { outcome: 'aborted', status: 499, reason: null, detail: null }

/** A code, never a message: messages name addresses. */
export function detailOf(error: unknown): string {
  if (!(error instanceof Error)) return typeof error
  return 'code' in error && typeof error.code === 'string' ? error.code : error.name
}
