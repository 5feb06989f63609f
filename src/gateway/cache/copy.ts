// Owns the copy of an answer that is kept while it passes: bounded, and of whole answers only.

import { MOST_KEPT_BYTES } from './answer-cache.ts'

export interface Copy {
  take(chunk: Buffer): void
  /** The answer was whole. */
  end(): void
}

export function createCopy(keep: (body: Buffer) => void): Copy {
  let chunks: Buffer[] = []
  let bytes = 0
  return {
    take(chunk) {
      bytes += chunk.length
      if (bytes <= MOST_KEPT_BYTES) chunks.push(chunk)
      else chunks = []
    },
    end() {
      if (bytes <= MOST_KEPT_BYTES) keep(Buffer.concat(chunks))
    },
  }
}
