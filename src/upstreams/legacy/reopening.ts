// Owns doing something once more in a new session, when the upstream does not know the one that was used.

import { PeerFailure } from '../../mcp/peer.ts'
import { SessionLost } from './channel.ts'

const description =
  'The upstream server does not know the session any more, as after a restart, and may have begun with this request. Make the call again where that does no harm.'

/** Rejects with what `act` does, or with a `PeerFailure` when the session is lost and it is not `repeatable`. */
export async function reopening<Value>(
  act: () => Promise<Value>,
  repeatable: (lost: SessionLost) => boolean,
): Promise<Value> {
  try {
    return await act()
  } catch (error) {
    if (!(error instanceof SessionLost)) throw error
    if (!repeatable(error)) throw new PeerFailure('answer', { cause: error, description })
  }
  return act().catch((error: unknown) => {
    throw error instanceof SessionLost ? new PeerFailure('answer', { cause: error }) : error
  })
}
