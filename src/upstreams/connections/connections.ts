// Owns connections to upstreams as people make and end them: begun in one browser, finished in the same, listed, ended.

import type { GuardedFetch } from '../../http/guarded-fetch.ts'
import { formatScope, parseScope } from '../../oauth/scope.ts'
import type { OAuth2Auth } from '../../oauth/upstream-auth.ts'
import type { Database } from '../../storage/database.ts'
import type { Keyring } from '../../storage/sealing.ts'
import type { UserId } from '../../storage/tables.ts'
import * as stored from '../../storage/upstream-connections.ts'
import * as logins from '../../storage/upstream-logins.ts'
import { discover, type LoginServer } from '../oauth/discovery.ts'
import { OAuthFailure } from '../oauth/failure.ts'
import { finish, start } from '../oauth/login.ts'
import { identify } from '../oauth/registration.ts'
import type { Granted } from '../oauth/tokens.ts'
import type { Upstream } from '../registry.ts'
import { bindingOf, isShared, keyOf, ownerOf, type Wanting, wantsLogin } from './binding.ts'
import { beginDevice } from './device.ts'
import { disconnect } from './disconnect.ts'
import type { KnownConnections } from './known.ts'
import { readPending, writePending } from './pending.ts'
import type { Begun, BegunDevice, Connecting, Connections, Finished, Owner } from './port.ts'
import { CALLBACK_PATH } from './port.ts'
import { loginSecret, writeSecret } from './secret.ts'
import { connectionOf, wishOf } from './shown.ts'

export interface ConnectionsNeeds {
  readonly db: Database
  readonly keyring: Keyring
  readonly fetch: GuardedFetch
  /** PUBLIC_URL. */
  readonly publicUrl: string
  readonly upstreams: () => readonly Upstream[]
  readonly known: KnownConnections
  /** What failed and why, for the log; what a person is told is in the outcome. */
  readonly report: (error: unknown, upstream: string) => void
}

interface Target {
  readonly upstream: Wanting
  readonly auth: OAuth2Auth
  readonly place: string
  readonly redirectUri: string
}

const NO_SUCH_UPSTREAM = 'There is no such server here that wants a login.'
const OPERATORS_ONLY = 'Everybody shares this login. An administrator makes and ends it.'
const PERSONAL = 'Everybody has a login of their own there.'
const BROKEN = 'Something went wrong. Try again.'
/** RFC 9110 §5.5: what can stand in a header. */
const KEY = /^[\x21-\x7e]{1,4096}$/

export function createConnections(needs: ConnectionsNeeds): Connections {
  const { db, keyring, fetch, publicUrl, upstreams, known, report } = needs

  const wanting = (name: string): Wanting | null =>
    upstreams()
      .filter(wantsLogin)
      .find((upstream) => upstream.name === name) ?? null

  /** Where to log in; or why not. */
  function targetOf(name: string, isOperator: boolean): Target | Extract<Begun, { kind: 'failed' }> {
    const upstream = wanting(name)
    if (upstream?.auth.type !== 'oauth2' || !('url' in upstream) || upstream.url === null)
      return { kind: 'failed', why: NO_SUCH_UPSTREAM }
    const { auth, url: place } = upstream
    if (auth.shared && !isOperator) return { kind: 'failed', why: OPERATORS_ONLY }
    return { upstream, auth, place, redirectUri: auth.redirectUri ?? publicUrl + CALLBACK_PATH }
  }

  /** MCP, "Scope Challenge Handling": what there is, and what is asked for beside it. */
  async function withScope(server: LoginServer, upstream: Wanting, userId: UserId, more: string | null) {
    if (more === null) return server
    const row = await stored.find(db, keyring, keyOf(upstream, userId))
    const had = row?.boundTo === bindingOf(upstream) ? row.scopes : []
    return {
      ...server,
      scope: formatScope(new Set([...parseScope(server.scope ?? ''), ...had, ...parseScope(more)])),
    }
  }

  async function begin(who: Connecting): Promise<Begun> {
    const { userId, sessionId, upstream: name, isOperator, scope = null } = who
    const target = targetOf(name, isOperator)
    if ('why' in target) return target
    const { upstream, auth, place, redirectUri } = target
    try {
      const server = await withScope(await discover(place, auth, fetch), upstream, userId, scope)
      const client = await identify(server, auth, { redirectUri, isDevice: false }, needs)
      const { url, pending } = await start(server, client, redirectUri, auth)
      const owner = ownerOf(upstream, userId)
      const secret = writePending({ ...pending, boundTo: bindingOf(upstream) })
      const login = { owner, userId, sessionId, upstream: name, secret }
      url.searchParams.set('state', await logins.begin(db, keyring, login))
      return { kind: 'redirect', url: url.href }
    } catch (error) {
      report(error, name)
      return { kind: 'failed', why: error instanceof OAuthFailure ? error.message : BROKEN }
    }
  }

  async function finishLogin(
    { userId, sessionId, isOperator }: Omit<Connecting, 'upstream'>,
    parameters: URLSearchParams,
  ): Promise<Finished> {
    const state = parameters.get('state') ?? ''
    const login = await logins.take(db, keyring, state, { userId, sessionId })
    if (login === null) return { kind: 'unknown' }
    const upstream = wanting(login.upstream)
    const pending = readPending(login.secret)
    // Configured anew in between: what was begun is for a place that is not there any more.
    if (!upstream || !pending || pending.boundTo !== bindingOf(upstream)) return { kind: 'unknown' }
    // It may be shared, or this person no administrator, only since it was begun.
    if (isShared(upstream) && !isOperator)
      return { kind: 'failed', upstream: upstream.name, why: OPERATORS_ONLY }
    try {
      const granted = await finish(pending, parameters, fetch)
      const { server, client } = pending
      await keep(upstream, userId, loginSecret(granted, server, client), granted)
      return { kind: 'connected', upstream: upstream.name }
    } catch (error) {
      report(error, upstream.name)
      const why = error instanceof OAuthFailure ? error.message : BROKEN
      return { kind: 'failed', upstream: upstream.name, why }
    }
  }

  async function keep(
    upstream: Wanting,
    userId: UserId | null,
    secret: string,
    { scopes, goodUntil }: Pick<Granted, 'scopes' | 'goodUntil'>,
  ): Promise<void> {
    const key = keyOf(upstream, userId ?? stored.EVERYBODY)
    const owned = key.owner === stored.EVERYBODY ? null : userId
    const row = { ...key, userId: owned, boundTo: bindingOf(upstream) }
    await stored.connect(db, keyring, row, { secret, scopes, goodUntil })
    known.forget(key)
  }

  async function beginDeviceLogin({ userId, upstream: name, isOperator }: Owner): Promise<BegunDevice> {
    const target = targetOf(name, isOperator)
    if ('why' in target) return target
    const { upstream, redirectUri } = target
    if (userId === null && !isShared(upstream)) return { kind: 'failed', why: PERSONAL }
    const keepIt = (secret: string, granted: Granted) => keep(upstream, userId, secret, granted)
    try {
      const login = await beginDevice({ name, ...target }, { ...needs, redirectUri, keep: keepIt })
      return { kind: 'device', login }
    } catch (error) {
      report(error, name)
      return { kind: 'failed', why: error instanceof OAuthFailure ? error.message : BROKEN }
    }
  }

  async function paste(userId: UserId, name: string, key: string): Promise<Finished> {
    const upstream = wanting(name)
    if (upstream?.auth.type !== 'api-key') return { kind: 'failed', upstream: name, why: NO_SUCH_UPSTREAM }
    const pasted = key.trim()
    if (!KEY.test(pasted))
      return { kind: 'failed', upstream: name, why: 'A key is one word of letters, digits and signs.' }
    const secret = writeSecret({ kind: 'pasted', key: pasted })
    await keep(upstream, userId, secret, { scopes: new Set(), goodUntil: null })
    return { kind: 'connected', upstream: name }
  }

  return {
    begin,
    finish: finishLogin,
    beginDevice: beginDeviceLogin,
    paste,
    async list(userId) {
      const rows = await stored.listOf(db, keyring, [userId, stored.EVERYBODY])
      return upstreams()
        .filter(wantsLogin)
        .flatMap((upstream) => connectionOf(upstream, userId, rows) ?? [])
    },
    wishOf(name) {
      const upstream = wanting(name)
      return upstream && wishOf(upstream)
    },
    async disconnect({ userId, upstream: name, isOperator }) {
      const upstream = wanting(name)
      if (!upstream) return { kind: 'failed', why: NO_SUCH_UPSTREAM }
      if (isShared(upstream) && !isOperator) return { kind: 'failed', why: OPERATORS_ONLY }
      if (!isShared(upstream) && userId === null) return { kind: 'failed', why: PERSONAL }
      const key = keyOf(upstream, userId ?? stored.EVERYBODY)
      const had = await disconnect(key, { db, keyring, fetch, report })
      known.forget(key)
      return { kind: had ? 'ended' : 'nothing' }
    },
  }
}
