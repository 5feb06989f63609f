// Owns the front for clients of the modern era: each request is answered by itself, as JSON or as a stream of its own.

import { withoutHeaderWishes } from '../../../mcp/header-wishes.ts'
import type { Peer, PeerAnswer } from '../../../mcp/peer.ts'
import { METHOD_NOT_FOUND, type RpcError, type RpcId } from '../../../mcp/rpc.ts'
import { isProbe } from '../../call.ts'
import { resultMessage } from '../event-text.ts'
import { refusalFor } from '../failure.ts'
import type { Front, FrontNeeds } from '../front.ts'
import { createReplies } from '../replies.ts'
import type { Reply } from '../reply.ts'
import { discoverResult } from './discovery.ts'
import { type Asked, readEnvelope } from './envelope.ts'
import { serveListening } from './listening.ts'

/** An answer that comes within this time, and alone, is plain JSON. A longer wait is a stream, which can be kept alive. */
const GRACE_MS = 2_000

/** Of the revisions before: a client of this era that sends them has mistaken the server. */
const REMOVED_METHODS: ReadonlySet<string> = new Set([
  'initialize',
  'ping',
  'logging/setLevel',
  'resources/subscribe',
  'resources/unsubscribe',
])

export function createModernFront(needs: FrontNeeds): Front {
  const replies = createReplies(needs)

  function refuse(reply: Reply, error: unknown): void {
    // Whatever it is, nobody is there to hear it.
    if (!reply.isOver()) reply.refuse(refusalFor(error, reply.call.ids, needs.report, isProbe(reply.call)))
  }

  return {
    serve(call, peer) {
      const reply = replies.open(call)
      if (!reply.isOver()) answer(reply, peer).catch((error: unknown) => refuse(reply, error))
      return reply.outcome
    },
    openStreams: replies.openStreams,
    endListening: replies.endListening,
    destroy: async () => replies.destroy(),
  }
}

async function answer(reply: Reply, peer: Peer): Promise<void> {
  const { call } = reply
  const [message] = call.messages
  const [id] = call.ids
  // basic/transports/streamable-http.mdx: this revision has none that would mean something here.
  if (message === undefined || id === undefined) return reply.accept()
  const asked = readEnvelope(call, message, id)
  const { method } = asked.request
  if (REMOVED_METHODS.has(method)) return answerError(reply, id, unknownMethod())
  if (method === 'server/discover') return answerDiscovery(reply, peer, asked)
  if (method === 'subscriptions/listen') return serveListening(reply, peer, asked)
  return answerRequest(reply, peer, asked)
}

async function answerDiscovery(reply: Reply, peer: Peer, { id, visitor }: Asked): Promise<void> {
  reply.finish(resultMessage(id, discoverResult(await peer.discover(visitor, reply.signal))))
}

async function answerRequest(reply: Reply, peer: Peer, { id, visitor, request }: Asked): Promise<void> {
  const patience = setTimeout(() => reply.beginEvents(), GRACE_MS)
  try {
    const answered = await peer.request(visitor, request, {
      signal: reply.signal,
      notify: (notification) => reply.event({ jsonrpc: '2.0', ...notification }),
    })
    writeAnswer(reply, id, request.method === 'tools/list' ? plainly(answered) : answered)
  } finally {
    clearTimeout(patience)
  }
}

/** What is bridged compares no headers. */
function plainly(answered: PeerAnswer): PeerAnswer {
  return answered.kind === 'result' ? { ...answered, result: withoutHeaderWishes(answered.result) } : answered
}

function writeAnswer(reply: Reply, id: RpcId, answered: PeerAnswer): void {
  if (answered.kind === 'result') reply.finish(resultMessage(id, answered.result))
  else answerError(reply, id, answered.error)
}

function answerError(reply: Reply, id: RpcId, error: RpcError): void {
  reply.finish({ jsonrpc: '2.0', id, error }, statusOf(error))
}

/** basic/index.mdx, "Error Codes", and basic/transports/streamable-http.mdx: the only ones with a status of their own. */
function statusOf({ code }: RpcError): number {
  if (code === METHOD_NOT_FOUND) return 404
  return code <= -32020 && code >= -32022 ? 400 : 200
}

function unknownMethod(): RpcError {
  return { code: METHOD_NOT_FOUND, message: 'Method not found' }
}
