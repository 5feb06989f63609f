// Owns the stream on which many servers ask, whatever the call is that they ask for: the one that belongs to no request.

import { canBeAsked } from './capabilities.ts'
import type { Channel } from './channel.ts'
import type { Introduction } from './handshake.ts'
import { within } from './within.ts'

export interface QuestionStream {
  /** Before a call: open if it can be. Where there is none, or it broke, the call goes on without. */
  hear(): Promise<void>
}

const HEAR_MS = 2000

export function createQuestionStream(
  channel: Pick<Channel, 'hear'>,
  { capabilities }: Introduction,
): QuestionStream {
  let silent = false
  return {
    async hear() {
      if (!canBeAsked(capabilities)) return
      const told = channel.hear().then(
        () => true,
        () => true,
      )
      // A server that sends the head of its stream with the first event is waited for once.
      if (!silent) silent = !(await within(HEAR_MS, told, false))
    },
  }
}
