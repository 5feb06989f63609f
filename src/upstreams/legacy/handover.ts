// Owns the side of the replica that has the client: the next turn of a call that another replica holds.

import { randomUUID } from 'node:crypto'
import type { Mailbox, OpenMailbox } from '../../mcp/mailbox.ts'
import { PeerFailure } from '../../mcp/peer.ts'
import { isRpcId } from '../../mcp/rpc.ts'
import {
  MAX_TURN_LENGTH,
  messagesOf,
  readToVisitor,
  readTurn,
  type ToHolder,
  type ToVisitor,
} from './handover-message.ts'
import type { Return, Turn } from './held-calls.ts'
import type { LegacyLimits } from './limits.ts'
import type { Ears } from './upstream-call.ts'

const TOO_LARGE = `The answers have more than ${MAX_TURN_LENGTH / 1024 / 1024} MB, which is too much for this call. Make it again, with less.`
/** After this many silent beats the other side is gone. */
const MISSED_BEATS = 4

/**
 * Resolves with the turn that the holder took. Rejects with a `PeerFailure` when it says so, or says nothing: the call is
 * never made a second time, whoever called has to.
 */
export async function resumeElsewhere(
  mailbox: Mailbox,
  holder: string,
  back: Return,
  ears: Ears,
  { takenMs, beatMs }: LegacyLimits,
): Promise<Turn> {
  const from = `legacy-turns/${randomUUID()}`
  const { promise, resolve, reject } = Promise.withResolvers<Turn>()
  // It may be lost before anybody waits for it.
  promise.catch(() => undefined)
  const receive = createReceiver(ears, resolve, reject)
  const lost = () => reject(new PeerFailure('lost'))
  const tell = (message: ToHolder) => mailbox.send(holder, message).catch(lost)
  const tellAll = async (messages: readonly ToHolder[] | null) => {
    if (messages === null) throw new PeerFailure('lost', { description: TOO_LARGE })
    // Until nobody wants them any more, or is there for them.
    for (const message of messages) await Promise.race([promise, tell(message)])
  }
  const leave = () => reject(ears.signal.reason)
  let heardAt: number | null = null
  const hear = (json: unknown) => {
    const message = readToVisitor(json)
    if (message === null) return
    heardAt = performance.now()
    receive(message)
  }
  const silence = setTimeout(() => {
    if (heardAt === null) lost()
  }, takenMs)
  const beat = setInterval(() => {
    if (heardAt !== null && performance.now() - heardAt > MISSED_BEATS * beatMs) lost()
    else void tell({ kind: 'here', from })
  }, beatMs)
  let open: OpenMailbox | null = null
  ears.signal.addEventListener('abort', leave, { once: true })
  try {
    ears.signal.throwIfAborted()
    open = await mailbox.open(from, hear)
    await tellAll(messagesOf({ kind: 'resume', from, ...back, ...wishesOf(ears) }))
    return await promise
  } catch (error) {
    await tell({ kind: 'left', from })
    throw error
  } finally {
    ears.signal.removeEventListener('abort', leave)
    clearTimeout(silence)
    clearInterval(beat)
    open?.close()
  }
}

function wishesOf({ logLevel, progressToken }: Ears) {
  return { logLevel, progressToken: isRpcId(progressToken) ? progressToken : null }
}

function createReceiver(
  ears: Ears,
  resolve: (turn: Turn) => void,
  reject: (failure: unknown) => void,
): (message: ToVisitor) => void {
  let text = ''
  return (message) => {
    if (message.kind === 'notify') ears.notify({ method: message.method, params: message.params })
    if (message.kind === 'failed') reject(new PeerFailure(message.reason))
    if (message.kind !== 'part') return
    text += message.text
    if (text.length > MAX_TURN_LENGTH) reject(new PeerFailure('answer'))
    else if (message.last) resolve(readTurn(text))
  }
}
