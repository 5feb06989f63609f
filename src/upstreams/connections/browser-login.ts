// Owns connections that are made in a browser: begun in one, and finished in the same.

import { formatScope, parseScope } from '../../oauth/scope.ts'
import type { UserId } from '../../storage/tables.ts'
import * as stored from '../../storage/upstream-connections.ts'
import * as logins from '../../storage/upstream-logins.ts'
import * as registrations from '../../storage/upstream-registrations.ts'
import { fetchFor } from '../named-origins.ts'
import { discover, type LoginServer } from '../oauth/discovery.ts'
import { ClientRefused, whyFor } from '../oauth/failure.ts'
import { chooseKey, insistOnBinding } from '../oauth/key-binding.ts'
import { finish, start } from '../oauth/login.ts'
import { identify, type RegistrationNeeds } from '../oauth/registration.ts'
import type { Reach } from '../oauth/token-endpoint.ts'
import { bindingOf, isShared, keyOf, ownerOf, type Wanting } from './binding.ts'
import type { Keep } from './keeping.ts'
import { readPending, writePending } from './pending.ts'
import type { Begun, Connecting, Connections, Finished } from './port.ts'
import { loginSecret } from './secret.ts'
import { OPERATORS_ONLY, type Targets } from './targets.ts'

export interface BrowserLoginNeeds extends RegistrationNeeds, Reach {
  readonly targets: Targets
  readonly keep: Keep
  readonly report: (error: unknown, upstream: string) => void
}

export function createBrowserLogins(needs: BrowserLoginNeeds): Pick<Connections, 'begin' | 'finish'> {
  const { db, keyring, targets, keep, report } = needs

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
    const target = targets.loginAt(name, isOperator)
    if ('why' in target) return target
    const { upstream, auth, place, redirectUri } = target
    const fetch = fetchFor(upstream, needs.fetch)
    try {
      const server = await withScope(await discover(place, auth, fetch), upstream, userId, scope)
      const client = await identify(server, auth, { redirectUri, isDevice: false }, { ...needs, fetch })
      const { url, pending } = await start(
        server,
        client,
        redirectUri,
        auth,
        chooseKey(server, auth, upstream),
      )
      const owner = ownerOf(upstream, userId)
      const secret = writePending({ ...pending, boundTo: bindingOf(upstream) })
      const login = { owner, userId, sessionId, upstream: name, secret }
      url.searchParams.set('state', await logins.begin(db, keyring, login))
      return { kind: 'redirect', url: url.href }
    } catch (error) {
      report(error, name)
      return { kind: 'failed', why: whyFor(error) }
    }
  }

  async function finishLogin(
    { userId, sessionId, isOperator }: Omit<Connecting, 'upstream'>,
    parameters: URLSearchParams,
  ): Promise<Finished> {
    const state = parameters.get('state') ?? ''
    const login = await logins.take(db, keyring, state, { userId, sessionId })
    if (login === null) return { kind: 'unknown' }
    const upstream = targets.find(login.upstream)
    const pending = readPending(login.secret)
    // Configured anew in between: what was begun is for a place that is not there any more.
    if (!upstream || !pending || pending.boundTo !== bindingOf(upstream)) return { kind: 'unknown' }
    // It may be shared, or this person no administrator, only since it was begun.
    if (isShared(upstream) && !isOperator)
      return { kind: 'failed', upstream: upstream.name, why: OPERATORS_ONLY }
    try {
      const granted = insistOnBinding(
        await finish(pending, parameters, { ...needs, fetch: fetchFor(upstream, needs.fetch) }),
        upstream.auth,
      )
      const { server, client, key } = pending
      await keep(upstream, userId, loginSecret(granted, server, client, key), granted)
      return { kind: 'connected', upstream: upstream.name }
    } catch (error) {
      report(error, upstream.name)
      const { registrationId } = pending.client
      if (error instanceof ClientRefused && registrationId !== null)
        await registrations.forget(db, registrationId)
      return { kind: 'failed', upstream: upstream.name, why: whyFor(error) }
    }
  }

  return { begin, finish: finishLogin }
}
