// Owns `gatehouse upstream status`: how the logins at the upstreams stand, and never a token.

import * as users from '../storage/users.ts'
import type { Connection, LeftOver } from '../upstreams/connections/port.ts'
import { moment, printList } from './output.ts'
import type { Desk, LoginOptions } from './upstream-login.ts'
import { existing } from './user-group.ts'

interface Line {
  readonly upstream: string
  /** Null: everybody. */
  readonly user: string | null
  readonly state: string
  readonly why: string | null
  readonly scopes: readonly string[]
  readonly since: Date | null
  readonly lastUsedAt: Date | null
}

const LEFT_OVER = 'It is of an earlier configuration, and nothing uses it. gatehouse upstream logout ends it.'

export async function status(desk: Desk, { user: email, json }: LoginOptions): Promise<void> {
  const lines =
    email === undefined ? await allLines(desk) : await linesOf(desk, await existing(desk.db, email))
  const rows = lines.map(({ upstream, user, state, why, scopes, since, lastUsedAt }) => [
    upstream,
    user ?? 'everybody',
    why === null ? state : `${state}: ${why}`,
    since === null ? '' : `since ${moment(since)}, last used ${moment(lastUsedAt)}`,
    scopes.join(' '),
  ])
  printList(lines, json, rows, 'Nobody has logged in at an upstream.')
}

/** What there is of everybody; of what is shared, also that there is none. */
async function allLines(desk: Desk): Promise<readonly Line[]> {
  const people = await users.list(desk.db)
  const lines: Line[] = []
  for (const person of people) {
    const of = await linesOf(desk, person)
    lines.push(...of.filter(({ user, state }) => user !== null && state !== 'needs_login'))
    if (lines.some(({ user }) => user === null)) continue
    lines.push(...of.filter(({ user }) => user === null))
  }
  for (const left of await desk.connections.leftOver(null)) lines.push(leftOverLine(left, null))
  return lines.toSorted((a, b) => a.upstream.localeCompare(b.upstream))
}

async function linesOf({ connections }: Desk, { id, email }: users.User): Promise<readonly Line[]> {
  const lines = (await connections.list(id)).map((connection) => lineOf(connection, email))
  return [...lines, ...(await connections.leftOver(id)).map((left) => leftOverLine(left, email))]
}

function leftOverLine({ upstream, scopes, since, lastUsedAt }: LeftOver, user: string | null): Line {
  return { upstream, user, state: 'left_over', why: LEFT_OVER, scopes, since, lastUsedAt }
}

function lineOf(
  { how, upstream, shared, state, scopes, since, lastUsedAt }: Connection,
  email: string,
): Line {
  const why = state.kind === 'error' || state.kind === 'expired' ? state.why : null
  const said = how === 'own' && state.kind === 'needs_login' ? 'not_used_yet' : state.kind
  return { upstream, user: shared ? null : email, state: said, why, scopes, since, lastUsedAt }
}
