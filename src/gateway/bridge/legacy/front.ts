// Owns the front for clients of the legacy era.

import type { Front, FrontNeeds } from '../front.ts'
import { createReplies } from '../replies.ts'

export function createLegacyFront(needs: FrontNeeds): Front {
  const replies = createReplies(needs)
  return {
    serve: () => Promise.reject(new Error('The front for legacy clients is not there yet.')),
    openStreams: replies.openStreams,
    endListening: replies.endListening,
    destroy: async () => replies.destroy(),
  }
}
