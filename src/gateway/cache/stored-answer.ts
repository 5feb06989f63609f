// Owns what of an upstream's answer may be kept, and how it is given again. Pure.

import { parseExactly, parseUnrounded } from '../../mcp/exact-json.ts'
import { isRecord, type Members, type RpcId } from '../../mcp/rpc.ts'

export interface StoredAnswer {
  /** For everybody who may ask. */
  readonly isPublic: boolean
  /** Milliseconds since the epoch. */
  readonly until: number
  /** The result but for `ttlMs`: a JSON object that has at least one member, without its opening brace. */
  readonly rest: string
}

/** An operator who changes something and forgets to say so should not have to wait for longer. */
const LONGEST_TTL_MS = 24 * 60 * 60 * 1000

/** Of the whole answer, as it passes. Null for what must not be kept. */
export function readAnswer(body: Buffer, now: number): StoredAnswer | null {
  const message = parsed(body)
  return isRecord(message) && isRecord(message.result) ? storedAnswer(message.result, now) : null
}

/** Null for what must not be kept: what asks for input, and what has no time to live or no scope. */
export function storedAnswer({ ttlMs, ...rest }: Members, now: number): StoredAnswer | null {
  const { cacheScope, resultType } = rest
  if (resultType !== 'complete' || (cacheScope !== 'public' && cacheScope !== 'private')) return null
  if (typeof ttlMs !== 'number' || !Number.isSafeInteger(ttlMs) || ttlMs <= 0) return null
  return {
    isPublic: cacheScope === 'public',
    until: now + Math.min(ttlMs, LONGEST_TTL_MS),
    rest: JSON.stringify(rest).slice(1),
  }
}

/** The answer to the request with this id. */
export function writeAnswer(answer: StoredAnswer, id: RpcId, now: number): Buffer {
  return Buffer.from(`{"jsonrpc":"2.0","id":${JSON.stringify(id)},"result":${textOf(answer, now)}}`)
}

/** The result, each time a new one. */
export function resultOf(answer: StoredAnswer, now: number): Members {
  const result = parseUnrounded(textOf(answer, now))
  if (!isRecord(result)) throw new Error('What was kept is no result.')
  return result
}

/** It lives for as long as what is left, or a client would keep it for too long. */
function textOf({ until, rest }: StoredAnswer, now: number): string {
  return `{"ttlMs":${Math.floor(until - now)},${rest}`
}

function parsed(body: Buffer): unknown {
  try {
    return parseExactly(body.toString('utf8'))
  } catch {
    return null
  }
}
