// Owns the handle of a bridged legacy session: all that a replica has to know of it, sealed, so that nothing need be stored.

import { z } from 'zod'
import { SESSION_REVISIONS } from '../../../mcp/era.ts'
import type { Members } from '../../../mcp/rpc.ts'
import type { Caller } from '../../../oauth/caller.ts'
import type { Sealer } from '../../session.ts'

export type LegacyRevision = (typeof SESSION_REVISIONS)[number]

/** What the client was told that it can have, and may ask for from then on. */
export interface Offers {
  readonly logging: boolean
  readonly subscribe: boolean
  readonly toolsListChanged: boolean
  readonly promptsListChanged: boolean
  readonly resourcesListChanged: boolean
}

export interface LegacySession {
  /** Random, never shown: what the session is known by among the replicas and in the database. */
  readonly id: string
  /** The person and the client. */
  readonly owner: string
  readonly version: LegacyRevision
  /** In the words of the modern era. */
  readonly capabilities: Members
  readonly clientInfo: Members | null
  readonly offers: Offers
  /** Milliseconds since the epoch. */
  readonly expiresAt: number
}

/** Some clients never begin anew by themselves, so it lasts longer than anybody keeps one open. */
export const SESSION_MS = 7 * 24 * 60 * 60 * 1000
/** With each request: servers and proxies accept some eight kilobytes in all of the headers, or in one. */
const MAX_HANDLE_LENGTH = 4096
/** MCP 2025-11-25, "Session Management": visible ASCII. */
const HANDLE = /^[\x21-\x7e]{1,4096}$/

const members = z.record(z.string(), z.unknown())
const flag = z.boolean()
const sealedSession = z.tuple([
  z.string(),
  z.enum(SESSION_REVISIONS),
  members,
  members.nullable(),
  z.tuple([flag, flag, flag, flag, flag]),
  z.number(),
])

/** Null when the client said more of itself than a header can carry. */
export function sealSession(
  sealer: Sealer,
  session: LegacySession,
  caller: Caller,
  resource: string,
): string | null {
  const { id, version, capabilities, clientInfo, offers, expiresAt } = session
  const flags: z.infer<typeof sealedSession>[4] = [
    offers.logging,
    offers.subscribe,
    offers.toolsListChanged,
    offers.promptsListChanged,
    offers.resourcesListChanged,
  ]
  const sealed: z.infer<typeof sealedSession> = [
    id,
    version,
    { ...capabilities },
    clientInfo,
    flags,
    expiresAt,
  ]
  const handle = sealer.seal(JSON.stringify(sealed), boundTo(caller, resource))
  return handle.length <= MAX_HANDLE_LENGTH ? handle : null
}

/** Null for whatever is not a session of this person, client and resource, and for one that is too old: which, nobody learns. */
export function openHandle(
  sealer: Sealer,
  handle: string,
  caller: Caller,
  resource: string,
  now: number,
): LegacySession | null {
  const text = HANDLE.test(handle) ? sealer.open(handle, boundTo(caller, resource)) : null
  // What a replica of another release sealed may look different.
  const read = sealedSession.safeParse(text === null ? null : JSON.parse(text))
  if (!read.success) return null
  const [id, version, capabilities, clientInfo, flags, expiresAt] = read.data
  if (expiresAt <= now) return null
  const [logging, subscribe, toolsListChanged, promptsListChanged, resourcesListChanged] = flags
  const offers = { logging, subscribe, toolsListChanged, promptsListChanged, resourcesListChanged }
  return { id, owner: ownerOf(caller), version, capabilities, clientInfo, offers, expiresAt }
}

/** The grant is not part of it: a client that asked for more scopes goes on. The first word tells it from what passes through. */
function boundTo({ subject, clientId }: Caller, resource: string): string {
  return JSON.stringify(['bridged', subject, clientId, resource])
}

/** Whose sessions are counted together, at all upstreams. */
export function ownerOf({ subject, clientId }: Caller): string {
  return JSON.stringify([subject, clientId])
}
