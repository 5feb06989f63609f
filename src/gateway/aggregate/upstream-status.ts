// Owns how the upstreams stand just now: each is asked itself whether it answers.

import { DISCOVER, type Peer, type Visitor } from '../../mcp/peer.ts'
import { isRecord, type Members } from '../../mcp/rpc.ts'
import { hasAnyScope } from '../../oauth/scope.ts'
import { type Asking, askEach, type Member } from './member.ts'

export interface StatusNeeds {
  readonly visitor: Visitor
  readonly members: readonly Member[]
  readonly asking: Asking
  /** Milliseconds. */
  readonly clock: () => number
}

interface Standing {
  readonly status: 'up' | 'needs_login'
  readonly milliseconds: number
  readonly serverInfo: Members | null
}

/** Of the one called `wanted`, or of all. An upstream of which nothing was granted is not asked in this caller's name. */
export async function upstreamStatus(
  { visitor, members, asking, clock }: StatusNeeds,
  wanted: unknown,
): Promise<Members> {
  const usable = members.filter(({ upstream }) => hasAnyScope(visitor.caller.scopes, upstream))
  const asked = usable.filter(({ upstream }) => wanted === undefined || upstream.name === wanted)
  const began = clock()
  const { answers, missing } = await askEach(asked, asking, async (member, signal) => {
    const standing = await standingOf(member, { ...visitor, wantsFresh: true }, signal)
    return { ...standing, milliseconds: clock() - began }
  })
  return {
    upstreams: [
      ...answers.map(({ member, answer }) => shownStanding(member, answer)),
      ...missing.map(({ upstream: name, reason, description }) => ({
        name,
        status: 'down',
        reason,
        description,
        milliseconds: clock() - began,
      })),
    ],
  }
}

async function standingOf(
  { peer, upstream }: Member,
  visitor: Visitor,
  signal: AbortSignal,
): Promise<Pick<Standing, 'status' | 'serverInfo'>> {
  const { serverInfo, needsLogin = false } = await peer.discover(visitor, signal)
  if (needsLogin) return { status: 'needs_login', serverInfo: null }
  // What an API can do is known from its document, which is here also when the API is not.
  if (upstream.kind === 'openapi') await ask(peer, visitor, signal)
  return { status: 'up', serverInfo }
}

async function ask(peer: Peer, visitor: Visitor, signal: AbortSignal): Promise<void> {
  await peer.request(visitor, DISCOVER, { signal, notify: () => undefined })
}

function shownStanding(
  { upstream: { name } }: Member,
  { status, milliseconds, serverInfo }: Standing,
): Members {
  const server = isRecord(serverInfo) && { server: { name: serverInfo.name, version: serverInfo.version } }
  return { name, status, reason: null, description: null, milliseconds, ...server }
}
