// Owns what of an upstream's answer may be kept, and how it is given again. Pure.

import { parseExactly } from '../../mcp/exact-json.ts'
import { isRecord, type RpcId } from '../../mcp/rpc.ts'

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

/** Null for what must not be kept: an error, what asks for input, and what has no time to live or no scope. */
export function readAnswer(body: Buffer, now: number): StoredAnswer | null {
  const message = parsed(body)
  if (!isRecord(message) || !isRecord(message.result)) return null
  const { ttlMs, ...rest } = message.result
  const { cacheScope, resultType } = rest
  if (resultType !== 'complete' || (cacheScope !== 'public' && cacheScope !== 'private')) return null
  if (typeof ttlMs !== 'number' || !Number.isSafeInteger(ttlMs) || ttlMs <= 0) return null
  return {
    isPublic: cacheScope === 'public',
    until: now + Math.min(ttlMs, LONGEST_TTL_MS),
    rest: JSON.stringify(rest).slice(1),
  }
}

/** The answer to the request with this id. It lives for as long as what is left, or a client would keep it for too long. */
export function writeAnswer({ until, rest }: StoredAnswer, id: RpcId, now: number): Buffer {
  const head = `{"jsonrpc":"2.0","id":${JSON.stringify(id)},"result":{"ttlMs":${Math.floor(until - now)},`
  return Buffer.from(`${head}${rest}}`)
}

function parsed(body: Buffer): unknown {
  try {
    return parseExactly(body.toString('utf8'))
  } catch {
    return null
  }
}
