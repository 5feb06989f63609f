// Owns the answer that is given from memory: the head that a passed one would have, and its bytes.

import type { Call } from '../call.ts'
import { CLIENT_LEFT, type Outcome } from '../outcome.ts'

export function answerFromMemory({ res, cors }: Call, body: Buffer): Outcome {
  if (res.closed) return CLIENT_LEFT
  res.writeHead(200, [
    'content-type',
    'application/json',
    'content-length',
    String(body.length),
    'cache-control',
    'no-store',
    'x-content-type-options',
    'nosniff',
    ...cors,
  ])
  res.end(body)
  return { outcome: 'answered', status: 200, reason: null, detail: null }
}
