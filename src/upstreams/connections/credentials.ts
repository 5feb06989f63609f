// Owns what is presented to an upstream that wants a login: out of the caller's connection, renewed in time.

import type { Caller } from '../../oauth/caller.ts'
import type { Database } from '../../storage/database.ts'
import type * as rows from '../../storage/upstream-connection-row.ts'
import { reserve } from '../../storage/upstream-connections.ts'
import {
  ConnectFirst,
  type Credential,
  type CredentialFor,
  type CredentialRefused,
  CredentialUnavailable,
} from '../credentials.ts'
import type { IdentityCredentials } from '../identity/credentials.ts'
import { ClientRefused, LoginRefused } from '../oauth/failure.ts'
import type { Upstream } from '../registry.ts'
import { type AgainNeeds, againFor } from './again.ts'
import { bindingOf, isOurOwn, keyOf, type Wanting, wantsLogin } from './binding.ts'
import type { KnownConnections } from './known.ts'
import type { Renewal } from './renewal.ts'
import { readSecret } from './secret.ts'

export interface ConnectionCredentialNeeds extends AgainNeeds {
  readonly db: Database
  readonly known: KnownConnections
  readonly renewal: Renewal
  /** For the other ways of `auth`. */
  readonly others: IdentityCredentials
  /** Milliseconds. */
  readonly clock?: () => number
}

export interface ConnectionCredentials {
  readonly credentialFor: CredentialFor
  readonly refused: CredentialRefused
}

const NONE: Credential = { kind: 'none' }
/** A token that runs out on the way is of no use. */
const MARGIN_MS = 30_000
/** So that what was granted at one moment is not renewed at one moment. */
const JITTER_MS = 15_000

export function createConnectionCredentials(needs: ConnectionCredentialNeeds): ConnectionCredentials {
  const { db, known, renewal, others, clock = Date.now } = needs
  /** The same object for as long as the connection is remembered, so that a call costs a look at a map. */
  const presented = new WeakMap<rows.StoredConnection, Credential>()

  function present(connection: rows.StoredConnection, upstream: Wanting): Credential {
    const credential = presented.get(connection) ?? open(connection, upstream, needs)
    presented.set(connection, credential)
    return credential
  }

  function credentialFor(caller: Caller, upstream: Upstream): Promise<Credential> | Credential {
    if (!wantsLogin(upstream)) return NONE
    const { type } = upstream.auth
    return type === 'oauth2' || type === 'api-key'
      ? connected(caller, upstream)
      : others.credentialFor(caller, upstream)
  }

  async function connected(caller: Caller, upstream: Wanting): Promise<Credential> {
    const key = keyOf(upstream, caller.subject)
    const connection = isOurOwn(upstream)
      ? await placeOf(key, upstream)
      : usable(await known.find(key), upstream)
    known.use(key)
    if (isGood(connection, upstream)) return present(connection, upstream)
    return present(usable(await renewed(connection, upstream), upstream), upstream)
  }

  function isGood(connection: rows.StoredConnection, upstream: Wanting): boolean {
    if (connection.state !== 'connected') return false
    if (!isOver(connection, clock() + marginOf(connection))) return true
    return !isOver(connection, clock()) && !isOurOwn(upstream) && !canBeRenewed(connection)
  }

  /** Nobody makes it but the first call that needs it. */
  async function placeOf(key: rows.ConnectionKey, upstream: Wanting): Promise<rows.StoredConnection> {
    const boundTo = bindingOf(upstream)
    const found = await known.find(key)
    if (found?.boundTo === boundTo) return found
    await reserve(db, { ...key, boundTo })
    known.forget(key)
    const reserved = await known.find(key)
    if (reserved?.boundTo === boundTo) return reserved
    throw new CredentialUnavailable()
  }

  /** An outage over there costs nobody a token that is still good. */
  async function renewed(
    connection: rows.StoredConnection,
    upstream: Wanting,
  ): Promise<rows.StoredConnection | null> {
    try {
      return await renewal.renew(connection, againFor(upstream, needs))
    } catch (cause) {
      if (connection.state === 'connected' && !isOver(connection, clock())) return connection
      throw unavailable(cause)
    } finally {
      known.forget(connection)
    }
  }

  /** One more try is worth it after a renewal, whoever made it, and after nothing else. */
  async function refused(caller: Caller, upstream: Upstream, credential: Credential): Promise<boolean> {
    if (!wantsLogin(upstream) || credential.kind !== 'header' || upstream.auth.type === 'api-key')
      return false
    if (upstream.auth.type !== 'oauth2') return others.refused(caller, upstream, credential)
    const key = keyOf(upstream, caller.subject)
    known.forget(key)
    const connection = await known.find(key)
    if (connection?.state !== 'connected' || connection.boundTo !== bindingOf(upstream)) return false
    const now = present(connection, upstream)
    if (now.kind === 'header' && now.value !== credential.value) return true
    const next = await renewal.renew(connection, againFor(upstream, needs)).catch((cause: unknown) => {
      throw unavailable(cause)
    })
    known.forget(key)
    return next?.state === 'connected'
  }

  return { credentialFor, refused }
}

function unavailable(cause: unknown): CredentialUnavailable {
  return new CredentialUnavailable({
    cause,
    later: !(cause instanceof LoginRefused || cause instanceof ClientRefused),
  })
}

/** Throws when it cannot be used: the person has to log in, where there is one. */
function usable(connection: rows.StoredConnection | null, upstream: Wanting): rows.StoredConnection {
  if (connection?.state !== 'connected' && isOurOwn(upstream)) throw new CredentialUnavailable()
  if (connection?.boundTo !== bindingOf(upstream)) throw new ConnectFirst(upstream, false)
  if (connection.state !== 'connected') throw new ConnectFirst(upstream, true)
  return connection
}

function open(
  { secret: sealed }: rows.StoredConnection,
  upstream: Wanting,
  { proofs }: Pick<ConnectionCredentialNeeds, 'proofs'>,
): Credential {
  const secret = readSecret(sealed)
  const { auth, name: place } = upstream
  if (secret?.kind === 'login' && auth.type === 'oauth2') {
    const { accessToken, isBound, key } = secret
    const header = { kind: 'header', name: 'authorization' } as const
    if (!isBound || key === null) return { ...header, value: `Bearer ${accessToken}` }
    return { ...header, value: `DPoP ${accessToken}`, prover: proofs.prover(key, place, accessToken) }
  }
  if (secret?.kind === 'pasted' && auth.type === 'api-key')
    return { kind: 'header', name: auth.header, value: auth.prefix + secret.key }
  throw new ConnectFirst(upstream, true)
}

function canBeRenewed({ secret }: rows.StoredConnection): boolean {
  const known = readSecret(secret)
  return known?.kind === 'login' && known.refreshToken !== null
}

/** With a jitter by its version, so that every replica means the same moment. */
function marginOf({ version }: rows.StoredConnection): number {
  return MARGIN_MS + (((version % 100) * 7919) % 100) * (JITTER_MS / 100)
}

function isOver({ goodUntil }: rows.StoredConnection, now: number): boolean {
  return goodUntil !== null && goodUntil.getTime() <= now
}
