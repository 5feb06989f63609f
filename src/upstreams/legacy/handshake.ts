// Owns the beginning of a legacy session (MCP 2025-11-25, basic/lifecycle.mdx, "Initialization").

import { LEGACY_REVISIONS } from '../../mcp/era.ts'
import { PeerFailure } from '../../mcp/peer.ts'
import { isRecord, type Members } from '../../mcp/rpc.ts'
import { EraMismatch } from '../era-mismatch.ts'
import { clientCapabilities } from './capabilities.ts'
import type { Channel } from './channel.ts'
import type { Answer } from './message.ts'

export interface Initialized {
  readonly version: string
  /** As the upstream says them. */
  readonly capabilities: Members
  readonly serverInfo: Members | null
  readonly instructions: string | null
}

export interface Introduction {
  readonly capabilities: Members
  readonly clientInfo: Members | null
}

/** Of older revisions: never offered, but what a server on an older transport may answer with. They lack things, that is all. */
const OLDER: readonly string[] = ['2024-11-05', '2024-10-07']
const UNKNOWN_CLIENT = { name: 'unknown', version: '0' }

/** MCP 2025-11-25, basic/lifecycle.mdx, "Initialization". */
export async function initialize(
  channel: Pick<Channel, 'send' | 'speak'>,
  ask: (method: string, params: Members) => Promise<Answer>,
  introduction: Introduction,
): Promise<Initialized> {
  const about = await shakeHands(ask, introduction)
  channel.speak(about.version)
  await channel.send({ jsonrpc: '2.0', method: 'notifications/initialized' })
  return about
}

/**
 * Offers the newest revision first. An upstream that knows another one answers with that; one that refuses instead is
 * offered the next. Rejects with a `PeerFailure`: an `EraMismatch` where all were refused.
 */
async function shakeHands(
  ask: (method: string, params: Members) => Promise<Answer>,
  introduction: Introduction,
): Promise<Initialized> {
  const introduced = {
    capabilities: clientCapabilities(introduction.capabilities),
    clientInfo: nameOf(introduction.clientInfo),
  }
  for (const protocolVersion of LEGACY_REVISIONS) {
    const answer = await ask('initialize', { protocolVersion, ...introduced })
    if (answer.kind === 'result') return read(answer.result)
  }
  throw new EraMismatch(null)
}

function read({ protocolVersion, capabilities, serverInfo, instructions }: Members): Initialized {
  const spoken: readonly unknown[] = [...LEGACY_REVISIONS, ...OLDER]
  if (typeof protocolVersion !== 'string' || !spoken.includes(protocolVersion))
    throw new PeerFailure('answer')
  return {
    version: protocolVersion,
    capabilities: isRecord(capabilities) ? capabilities : {},
    serverInfo: isRecord(serverInfo) ? serverInfo : null,
    instructions: typeof instructions === 'string' ? instructions : null,
  }
}

/** Required there, optional here. */
function nameOf(clientInfo: Members | null): Members {
  const named = typeof clientInfo?.name === 'string' && typeof clientInfo.version === 'string'
  return named ? clientInfo : UNKNOWN_CLIENT
}
