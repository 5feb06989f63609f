// Owns connections to upstreams as people make and end them: by a login, on a device, by a pasted key; listed, ended.

import type { Database } from '../../storage/database.ts'
import type { Keyring } from '../../storage/sealing.ts'
import type { UserId } from '../../storage/tables.ts'
import * as stored from '../../storage/upstream-connections.ts'
import { fetchFor } from '../named-origins.ts'
import { whyFor } from '../oauth/failure.ts'
import type { Reach } from '../oauth/token-endpoint.ts'
import type { Granted } from '../oauth/tokens.ts'
import type { Upstream } from '../registry.ts'
import { isPasted, isShared, keyOf } from './binding.ts'
import { createBrowserLogins } from './browser-login.ts'
import { beginDevice } from './device.ts'
import { disconnect } from './disconnect.ts'
import { createKeep } from './keeping.ts'
import type { KnownConnections } from './known.ts'
import { isLeftOver, leftOverOf } from './left-over.ts'
import type { BegunDevice, Connections, Finished, Owner } from './port.ts'
import { writeSecret } from './secret.ts'
import { connectionOf, wishOf } from './shown.ts'
import { createTargets, NO_SUCH_UPSTREAM, OPERATORS_ONLY } from './targets.ts'

export interface ConnectionsNeeds extends Reach {
  readonly db: Database
  readonly keyring: Keyring
  /** PUBLIC_URL. */
  readonly publicUrl: string
  readonly upstreams: () => readonly Upstream[]
  readonly known: KnownConnections
  /** What failed and why, for the log; what a person is told is in the outcome. */
  readonly report: (error: unknown, upstream: string) => void
}

const PERSONAL = 'Everybody has a login of their own there.'
/** RFC 9110 §5.5: what can stand in a header. */
const KEY = /^[\x21-\x7e]{1,16384}$/

export function createConnections(needs: ConnectionsNeeds): Connections {
  const { db, keyring, fetch, publicUrl, upstreams, known, report } = needs
  const targets = createTargets(upstreams, publicUrl)
  const keep = createKeep(needs)

  async function beginDeviceLogin({ userId, upstream: name, isOperator }: Owner): Promise<BegunDevice> {
    const target = targets.loginAt(name, isOperator)
    if ('why' in target) return target
    const { upstream, redirectUri } = target
    if (userId === null && !isShared(upstream)) return { kind: 'failed', why: PERSONAL }
    const keepIt = (secret: string, granted: Granted) => keep(upstream, userId, secret, granted)
    try {
      const login = await beginDevice(target, {
        ...needs,
        fetch: fetchFor(upstream, fetch),
        redirectUri,
        keep: keepIt,
      })
      return { kind: 'device', login }
    } catch (error) {
      report(error, name)
      return { kind: 'failed', why: whyFor(error) }
    }
  }

  async function paste(userId: UserId, name: string, key: string): Promise<Finished> {
    const upstream = targets.find(name)
    if (!upstream || !isPasted(upstream)) return { kind: 'failed', upstream: name, why: NO_SUCH_UPSTREAM }
    const pasted = key.trim()
    if (!KEY.test(pasted))
      return { kind: 'failed', upstream: name, why: 'A key is one word of letters, digits and signs.' }
    const secret = writeSecret({ kind: 'pasted', key: pasted })
    await keep(upstream, userId, secret, { scopes: new Set(), goodUntil: null })
    return { kind: 'connected', upstream: name }
  }

  return {
    ...createBrowserLogins({ ...needs, targets, keep }),
    beginDevice: beginDeviceLogin,
    paste,
    async list(userId) {
      const rows = await stored.listOf(db, keyring, [userId, stored.EVERYBODY])
      return targets.all().flatMap((upstream) => connectionOf(upstream, userId, rows) ?? [])
    },
    async leftOver(userId) {
      const rows = await stored.listOf(db, keyring, [userId ?? stored.EVERYBODY])
      return rows.filter((row) => isLeftOver(row, targets.all())).map(leftOverOf)
    },
    async endLeftOver({ userId, upstream, isOperator }) {
      if (userId === null && !isOperator) return { kind: 'failed', why: OPERATORS_ONLY }
      const key = { owner: userId ?? stored.EVERYBODY, upstream }
      const row = await stored.find(db, keyring, key)
      if (row === null || !isLeftOver(row, targets.all())) return { kind: 'nothing' }
      const had = await disconnect(key, { db, keyring, fetch, report }, row.boundTo)
      known.forget(key)
      return { kind: had ? 'ended' : 'nothing' }
    },
    wishOf(name) {
      const upstream = targets.find(name)
      return upstream && wishOf(upstream)
    },
    async disconnect({ userId, upstream: name, isOperator }) {
      const upstream = targets.find(name)
      if (!upstream) return { kind: 'failed', why: NO_SUCH_UPSTREAM }
      if (isShared(upstream) && !isOperator) return { kind: 'failed', why: OPERATORS_ONLY }
      if (!isShared(upstream) && userId === null) return { kind: 'failed', why: PERSONAL }
      const key = keyOf(upstream, userId ?? stored.EVERYBODY)
      const had = await disconnect(key, { db, keyring, fetch: fetchFor(upstream, fetch), report })
      known.forget(key)
      return { kind: had ? 'ended' : 'nothing' }
    },
  }
}
