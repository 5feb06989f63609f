// Owns connections to an upstream with several endpoints: whoever makes a request need not know that there are several.

import {
  ConnectionFailure,
  type Connections,
  type IncomingAnswer,
  type OutgoingRequest,
} from '../http/connections.ts'
import { isGone } from '../http/gone.ts'
import type { Balance, Turn } from './balance.ts'

/** Whatever the URL of a request is. Once nobody was there, another endpoint is tried; once something was sent, none is. */
export function balancedConnections(connections: Connections, balance: Balance): Connections {
  async function attempt(turn: Turn, outgoing: OutgoingRequest): Promise<IncomingAnswer> {
    try {
      const answer = await connections.request(addressed(outgoing, turn))
      answer.body.once('close', turn.over)
      return named(answer, turn)
    } catch (error) {
      const next = isUnsent(error) ? turn.failed() : null
      turn.over()
      if (next === null) throw error
      return attempt(next, outgoing)
    }
  }

  return {
    request: (outgoing) => attempt(balance.begin(outgoing.headers['mcp-session-id'] ?? null), outgoing),
    close: async () => undefined,
  }
}

function addressed(outgoing: OutgoingRequest, { endpoint, sessionId }: Turn): OutgoingRequest {
  const url = endpoint.origin + endpoint.path
  if (sessionId === null) return { ...outgoing, url }
  return { ...outgoing, url, headers: { ...outgoing.headers, 'mcp-session-id': sessionId } }
}

function named(answer: IncomingAnswer, turn: Turn): IncomingAnswer {
  const id = answer.headers['mcp-session-id']
  if (typeof id !== 'string') return answer
  return { ...answer, headers: { ...answer.headers, 'mcp-session-id': turn.named(id) } }
}

const NOBODY_THERE: ReadonlySet<unknown> = new Set([
  'EAI_AGAIN',
  'ENOTFOUND',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'UND_ERR_CONNECT_TIMEOUT',
])

/** There was no connection, or it broke before there was anything to read on it. */
function isUnsent(error: unknown): boolean {
  if (!(error instanceof ConnectionFailure) || error.when !== 'unsent') return false
  const { cause } = error
  return isGone(cause) || (cause instanceof Error && 'code' in cause && NOBODY_THERE.has(cause.code))
}
