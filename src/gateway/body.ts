// Owns the reading of a request's body into memory: JSON only, not encoded, and bounded.

import type { IncomingMessage } from 'node:http'
import { INVALID_REQUEST } from '../mcp/rpc.ts'
import { createGathering } from './gathering.ts'
import { type Refusal, rpcRefusal } from './refusal.ts'

const JSON_TYPE = /^application\/json[ \t]*(;|$)/i

/** The body of a POST. Throws a refusal: 415 for what is not plain JSON, 413 for what is too large. */
export function readBody(req: IncomingMessage, maxBytes: number): Promise<Buffer> {
  refuseUnreadable(req)
  // It left while its token was looked at, and nothing is told twice.
  if (req.destroyed) throw req.errored ?? new Error('The client left.')
  if (Number(req.headers['content-length'] ?? 0) > maxBytes) throw tooLarge(maxBytes)
  return new Promise((resolve, reject) => {
    const body = createGathering(Number(req.headers['content-length'] ?? 0))
    const read = (chunk: Buffer) => {
      body.add(chunk)
      if (body.size() <= maxBytes) return
      // Not destroyed: the answer goes out on the same connection.
      req.pause().off('data', read)
      reject(tooLarge(maxBytes))
    }
    req.on('data', read)
    req.once('end', () => {
      // The request lives as long as its answer, and an event stream is a long one.
      req.off('data', read).off('error', reject)
      resolve(body.whole())
    })
    req.once('error', reject)
  })
}

/**
 * Whether an answer may be given while the body is still on its way, and the connection kept. Node reads and drops the rest
 * of it, however much that is; so only a small, announced rest is worth it.
 */
export function canSkipBody({ headers, complete }: IncomingMessage, maxBytes: number): boolean {
  if (complete) return true
  return headers['transfer-encoding'] === undefined && Number(headers['content-length'] ?? 0) <= maxBytes
}

function refuseUnreadable({ headers }: IncomingMessage): void {
  const encoding = headers['content-encoding']?.trim().toLowerCase()
  // A small body can unpack to an enormous one, so none is unpacked.
  if (encoding !== undefined && encoding !== '' && encoding !== 'identity') {
    throw unsupported('The body must not be compressed.')
  }
  if (!JSON_TYPE.test(headers['content-type'] ?? '')) throw unsupported('The body must be application/json.')
}

function unsupported(message: string): Refusal {
  return rpcRefusal({ status: 415, reason: 'malformed', code: INVALID_REQUEST, message })
}

export function tooLarge(maxBytes: number): Refusal {
  return rpcRefusal({
    status: 413,
    reason: 'too_large',
    code: INVALID_REQUEST,
    message: `The body has more than ${maxBytes} bytes.`,
  })
}
