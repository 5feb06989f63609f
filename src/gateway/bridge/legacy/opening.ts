// Owns `initialize`: the handshake of the legacy eras, answered out of what the peer says of itself.

import { randomBytes } from 'node:crypto'
import { SESSION_REVISIONS } from '../../../mcp/era.ts'
import type { Peer } from '../../../mcp/peer.ts'
import { INVALID_PARAMS, type Members, type RpcId } from '../../../mcp/rpc.ts'
import type { RpcMessage } from '../../message.ts'
import { malformed, rpcRefusal } from '../../refusal.ts'
import type { Sealer } from '../../session.ts'
import { resultMessage } from '../event-text.ts'
import type { Reply } from '../reply.ts'
import { traceIn } from '../trace.ts'
import { legacyCapabilities, modernCapabilities, modernClientInfo, offersOf } from './capabilities.ts'
import { type LegacyRevision, type LegacySession, ownerOf, SESSION_MS, sealSession } from './handle.ts'
import type { SessionStates } from './session-states.ts'

export interface OpeningNeeds {
  readonly sessions: Sealer
  readonly states: SessionStates
  readonly clock: () => number
}

export function isInitialize(messages: readonly RpcMessage[]): boolean {
  return messages.some(({ kind, method }) => kind === 'request' && method === 'initialize')
}

export async function initialize(needs: OpeningNeeds, reply: Reply, peer: Peer): Promise<void> {
  const { caller, messages, ids, place, req } = reply.call
  const [message] = messages
  const [id] = ids
  // MCP 2025-03-26, Lifecycle: not part of a batch, because nothing else can be said before it.
  if (message === undefined || id === undefined || messages.length > 1)
    throw malformed('initialize stands alone.', ids)
  const capabilities = modernCapabilities(message.params.capabilities)
  const clientInfo = modernClientInfo(message.params.clientInfo)
  const visitor = { caller, clientInfo, capabilities, logLevel: null, trace: traceIn(req.headers) }
  const discovery = await peer.discover(visitor, reply.signal)
  const session: LegacySession = {
    id: randomBytes(16).toString('base64url'),
    owner: ownerOf(caller),
    version: negotiate(message.params, id),
    capabilities,
    clientInfo,
    offers: offersOf(discovery),
    expiresAt: needs.clock() + SESSION_MS,
  }
  const handle = sealSession(needs.sessions, session, caller, place.resource.path)
  if (handle === null) throw tooMuch(id)
  needs.states.begin(session.id)
  reply.addHeaders('mcp-session-id', handle)
  const { serverInfo, instructions } = discovery
  const result = {
    protocolVersion: session.version,
    capabilities: legacyCapabilities(discovery),
    serverInfo: serverInfo ?? { name: 'gatehouse', title: place.resource.title, version: '' },
    ...(instructions !== null && { instructions }),
  }
  reply.finish(resultMessage(id, result))
}

/** MCP 2025-11-25, Lifecycle, "Version Negotiation": what the client asks for, or else our newest. */
function negotiate({ protocolVersion }: Members, id: RpcId): LegacyRevision {
  if (typeof protocolVersion !== 'string') throw invalid('initialize names no protocolVersion.', id)
  return SESSION_REVISIONS.find((revision) => revision === protocolVersion) ?? SESSION_REVISIONS[0]
}

function tooMuch(id: RpcId) {
  return invalid('The capabilities and the client info are too large. Two kilobytes of JSON are enough.', id)
}

function invalid(message: string, id: RpcId) {
  return rpcRefusal({ status: 400, reason: 'malformed', code: INVALID_PARAMS, message, ids: [id] })
}
