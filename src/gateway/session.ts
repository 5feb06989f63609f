// Owns legacy sessions: the client holds a sealed handle, good for one person, client and upstream, and nothing is stored.

import { INVALID_REQUEST, type RpcId } from '../mcp/rpc.ts'
import type { Caller } from '../oauth/caller.ts'
import { malformed, type Refusal, rpcRefusal } from './refusal.ts'

/** Authenticated encryption: `open` answers null for what was altered, or sealed for another `aad`. */
export interface Sealer {
  seal(text: string, aad: string): string
  open(text: string, aad: string): string | null
}

/** A session that a request continues. */
export interface Session {
  /** What the client knows. */
  readonly handle: string
  /** What the upstream knows. */
  readonly id: string
  /** The client said in the beginning that its person can be sent to a link (MCP 2025-11-25, URL mode elicitation). */
  readonly opensLinks: boolean
}

/** MCP 2025-11-25, "Session Management": visible ASCII. The handle is a little longer than the id inside of it. */
const UPSTREAM_ID = /^[\x21-\x7e]{1,1024}$/
const HANDLE = /^[\x21-\x7e]{1,2048}$/
/** Behind the id, which has no space: what is known of the client. */
const LINKS = ' links'

/**
 * The session behind a handle. A handle is never a proof of who calls (the token is), it only has to belong to who does:
 * 404 for anybody else's, an altered or invented one, so that nobody learns whether it exists.
 */
export function openSession(
  sealer: Sealer,
  handle: string,
  caller: Caller,
  upstream: string,
  ids: readonly RpcId[],
): Session {
  if (!HANDLE.test(handle)) throw malformed('The session id is not well-formed.', ids)
  const text = sealer.open(handle, ownerOf(caller, upstream))
  if (text === null) throw unknownSession(ids)
  const opensLinks = text.endsWith(LINKS)
  return { handle, id: opensLinks ? text.slice(0, -LINKS.length) : text, opensLinks }
}

/** What to tell the client about the session that the upstream named, or null when that is no session id. */
export function concealSession(
  sealer: Sealer,
  id: string,
  caller: Caller,
  upstream: string,
  current: Session | null,
  opensLinks = false,
): string | null {
  // Servers repeat the id in each answer; the client keeps the handle that it has.
  if (current?.id === id) return current.handle
  if (!UPSTREAM_ID.test(id)) return null
  return sealer.seal(opensLinks ? id + LINKS : id, ownerOf(caller, upstream))
}

/** The grant is not part of it: a client that asked for more scopes goes on with its session under a new grant. */
function ownerOf({ subject, clientId }: Caller, upstream: string): string {
  return JSON.stringify([subject, clientId, upstream])
}

function unknownSession(ids: readonly RpcId[]): Refusal {
  return rpcRefusal({
    status: 404,
    reason: 'session',
    code: INVALID_REQUEST,
    message: 'This session is not known. Start a new one.',
    ids,
  })
}
