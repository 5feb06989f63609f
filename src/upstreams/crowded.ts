// Owns what an answer comes to that there is no room for, because too many large ones are held already.

import { PeerFailure } from '../mcp/peer.ts'

/** It passes within moments, and small answers are not concerned. */
export function crowded(cause?: unknown): PeerFailure {
  return new PeerFailure('busy', {
    cause,
    description:
      'The answer is large, and too many large ones are being passed on already. Whether the call was carried out is not known here. Try again later, or ask for less.',
  })
}
