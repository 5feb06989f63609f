// Owns which calls may be sent a second time when the first try came to nothing.

import { READING_METHODS } from '../../mcp/reading.ts'
import type { Call } from '../call.ts'

/** The connection went away: it was an old one, or the upstream is just being started anew. After a timeout nobody waits again. */
const GONE: ReadonlySet<unknown> = new Set(['ECONNREFUSED', 'ECONNRESET', 'EPIPE', 'UND_ERR_SOCKET'])

/**
 * RFC 9110 §9.2.2: a request is repeated when nothing of it was sent, or when doing it twice is like doing it once. `sent`
 * says whether it had a connection.
 */
export function mayRepeat(call: Call, sent: boolean, error: unknown): boolean {
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  return GONE.has(code) && (!sent || isReading(call))
}

function isReading({ method, messages }: Call): boolean {
  if (method === 'GET') return true
  return messages.length > 0 && messages.every((message) => READING_METHODS.has(message.method ?? ''))
}
