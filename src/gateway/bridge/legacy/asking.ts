// Owns the questions of a turn that are open: each is asked once, answered once, and withdrawn when nobody waits any more.

import { INTERNAL_ERROR, type Members, type RpcError, type RpcId } from '../../../mcp/rpc.ts'
import { questionId } from './event-id.ts'
import type { Question, Told } from './questions.ts'

export interface AskingNeeds {
  readonly turn: string
  /** Returns the number of the event. */
  readonly say: (question: Members) => number
  /** The question of this number is not asked again. */
  readonly settle: (number: number) => void
  readonly notify: (message: Members) => void
}

export interface Asking {
  /** Asks the client and waits for every answer. Rejects with an `AskFailure`, or when the signal aborts. */
  ask(questions: readonly Question[], signal: AbortSignal): Promise<readonly Told[]>
  /** True for a question that is open. Only the first answer counts. */
  take(question: RpcId, told: Told): boolean
}

/** Why the client cannot be asked, or did not answer. */
export class AskFailure extends Error {
  readonly error: RpcError

  constructor(message: string) {
    super(message)
    this.name = 'AskFailure'
    this.error = { code: INTERNAL_ERROR, message }
  }
}

/** A person may have to fetch something first. */
const QUESTION_MS = 15 * 60 * 1000

export function createAsking({ turn, say, settle, notify }: AskingNeeds): Asking {
  const open = new Map<RpcId, (told: Told) => void>()
  let count = 0

  function put({ method, params }: Question) {
    const id = questionId(turn, ++count)
    const { promise, resolve } = Promise.withResolvers<Told>()
    open.set(id, resolve)
    return { id, number: say({ jsonrpc: '2.0', id, method, params }), promise }
  }

  return {
    async ask(questions, signal) {
      const asked = questions.map(put)
      try {
        return await inTime(Promise.all(asked.map(({ promise }) => promise)), signal)
      } finally {
        for (const { id, number } of asked) {
          settle(number)
          // MCP 2025-11-25, "Timeouts": whoever stops waiting says so.
          if (open.delete(id)) notify(withdrawn(id))
        }
      }
    },
    take(question, told) {
      const resolve = open.get(question)
      open.delete(question)
      resolve?.(told)
      return resolve !== undefined
    },
  }
}

function withdrawn(requestId: RpcId): Members {
  const params = { requestId, reason: 'The answer is of no use any more.' }
  return { jsonrpc: '2.0', method: 'notifications/cancelled', params }
}

async function inTime<Value>(answers: Promise<Value>, signal: AbortSignal): Promise<Value> {
  const { promise, reject } = Promise.withResolvers<never>()
  const giveUp = () => reject(signal.reason)
  const late = () =>
    reject(new AskFailure('The client did not answer the question of the upstream server in time.'))
  const patience = setTimeout(late, QUESTION_MS)
  signal.addEventListener('abort', giveUp, { once: true })
  if (signal.aborted) giveUp()
  try {
    return await Promise.race([answers, promise])
  } finally {
    clearTimeout(patience)
    signal.removeEventListener('abort', giveUp)
  }
}
