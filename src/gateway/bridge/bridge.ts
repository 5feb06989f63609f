// Owns the bridge: the answer to a client of one era out of what a peer, whatever it is, has to say.

import type { Front, FrontNeeds } from './front.ts'
import { createLegacyFront } from './legacy/front.ts'
import { createModernFront } from './modern/front.ts'
import { unrounded } from './unrounded.ts'

export type Bridge = Front

export function createBridge(needs: FrontNeeds): Bridge {
  const modern = createModernFront(needs)
  const legacy = createLegacyFront(needs)
  return {
    serve: (call, peer) => (call.modern ? modern : legacy).serve(unrounded(call), peer),
    openStreams: () => modern.openStreams() + legacy.openStreams(),
    endListening() {
      modern.endListening()
      legacy.endListening()
    },
    async destroy() {
      await Promise.all([modern.destroy(), legacy.destroy()])
    },
  }
}
