// Owns the channel of a session with a program: JSON-RPC messages, one per line, over its standard input and output.

import { setTimeout as wait } from 'node:timers/promises'
import type { AnswerBudget } from '../../http/answer-budget.ts'
import { parseShallow } from '../../mcp/exact-json.ts'
import { PeerFailure } from '../../mcp/peer.ts'
import { isRecord, isRpcId, type Members } from '../../mcp/rpc.ts'
import { crowded } from '../crowded.ts'
import { createLineReader } from '../programs/lines.ts'
import type { Programs, RunningProgram } from '../programs/programs.ts'
import type { Channel, ChannelEvents, OpenChannel, Opening } from './channel.ts'

export interface StdioLimits {
  /** Of one message. */
  readonly maxMessageBytes: number
  /** Written to a program that does not read. */
  readonly maxWaitingBytes: number
  /** Of all answers together. */
  readonly budget?: AnswerBudget | undefined
}

const LIMITS: StdioLimits = { maxMessageBytes: 8 * 1024 * 1024, maxWaitingBytes: 8 * 1024 * 1024 }

/** Programs greet people on their output now and then, though they must not. More than this is not MCP. */
const MOST_STRAY_LINES = 100
const ENDING_MS = 1_000

export function createStdioChannels(programs: Programs, given: Partial<StdioLimits> = {}): OpenChannel {
  const limits = { ...LIMITS, ...given }
  return async (opening) => {
    const { upstream, signal } = opening
    signal.throwIfAborted()
    if (upstream.kind !== 'stdio') throw new Error(`Upstream "${upstream.name}" is not a program.`)
    await refuseCredential(opening)
    const program = await programs.start(upstream, signal)
    if (signal.aborted) {
      await program.stop()
      signal.throwIfAborted()
    }
    return channelTo(program, opening.events, limits)
  }
}

/** What a program is shown is in its environment, the same for everybody. */
async function refuseCredential({ credential }: Opening): Promise<void> {
  const { kind } = await credential()
  if (kind === 'none') return
  throw new PeerFailure('credentials', { cause: new Error('A program has no place for a header.') })
}

function channelTo(
  { child, ended, stop }: RunningProgram,
  events: ChannelEvents,
  limits: StdioLimits,
): Channel {
  let open = true
  let stray = 0
  const share = limits.budget?.share()

  function fail(reason: 'unreachable' | 'answer', why: string): void {
    if (!open) return
    open = false
    void stop(reason === 'answer' ? 'faulty' : 'unused')
    events.closed(new PeerFailure(reason, { cause: new Error(why) }))
  }

  function receive(line: string): void {
    const messages = open ? messagesOf(line) : []
    if (messages === null) fail('answer', 'The program wrote a message that nests too deeply.')
    else takeAll(messages, line)
  }

  function takeAll(messages: readonly Members[], line: string): void {
    if (messages.length === 0 && line.trim() !== '') stray++
    else stray = 0
    if (stray > MOST_STRAY_LINES) fail('answer', 'The program writes something that is not JSON-RPC.')
    for (const message of messages) if (open) take(message)
  }

  /** The next line is no fault of this one, so only this answer is lost. */
  function take(message: Members): void {
    const { id, method } = message
    if (share?.fits() === false && isRpcId(id) && method === undefined) events.broken(id, crowded())
    else events.message(message, null)
  }

  /** Most often because it ended, which says more. */
  async function deafened(): Promise<void> {
    await Promise.race([ended, wait(ENDING_MS, undefined, { ref: false })])
    fail('answer', 'The program closed its output.')
  }

  const tooLong = () =>
    fail('answer', `The program wrote a message of more than ${limits.maxMessageBytes} bytes.`)
  const bounds = { maxBytes: limits.maxMessageBytes, whenTooLong: 'fail', share } as const
  const read = createLineReader(bounds, receive, tooLong)
  void ended.then((how) => fail('unreachable', `The program is gone: ${how}.`))
  child.stdout.on('data', read)
  child.stdout.once('close', () => {
    share?.release()
    void deafened()
  })

  return {
    send: (message) => write(message),
    speak: () => undefined,
    hear: async () => true,
    forget: () => undefined,
    async close() {
      open = false
      await stop()
    },
  }

  function write(message: Members): Promise<void> {
    return new Promise((resolve, reject) => {
      if (!open || !child.stdin.writable) reject(new PeerFailure('unreachable'))
      else if (child.stdin.writableLength > limits.maxWaitingBytes) reject(new PeerFailure('busy'))
      else
        child.stdin.write(`${JSON.stringify(message)}\n`, (cause) =>
          cause ? reject(new PeerFailure('unreachable', { cause })) : resolve(),
        )
    })
  }
}

/** Of 2025-03-26, where one line may hold several. None where it is not JSON-RPC, and null where it goes too deep. */
function messagesOf(line: string): readonly Members[] | null {
  try {
    const value = parseShallow(line)
    return (Array.isArray(value) ? value : [value]).filter(isRecord)
  } catch (error) {
    return error instanceof SyntaxError ? [] : null
  }
}
