// Owns how a person, their apps and their browsers become the account page's data. Pure.

import type { AppAccess, ConnectedApp } from '../authorization-server/connected-apps.ts'
import type { SignedInBrowser, SignedInPerson } from '../authorization-server/sessions.ts'
import type { AccountView, AppLine, BrowserLine, KeyLine } from '../http/account-view-data.ts'
import { browserName } from '../http/browser-name.ts'
import type { FieldProblem } from '../http/interaction-view-data.ts'
import { dateOf, momentOf } from '../http/moment.ts'
import { isLoopbackHost } from '../oauth/loopback.ts'
import { fullScope, hasAnyScope, upstreamScopes } from '../oauth/scope.ts'
import type { ApiKey } from '../storage/api-keys.ts'
import type { Connection, LeftOver } from '../upstreams/connections/port.ts'
import { connectionLine, leftOverLine } from './connect-view.ts'
import { EMPTY_FORM, type KeyForm, type KeyOffer, LIFETIMES, USUAL_LIFETIME } from './new-key.ts'
import { ACTIONS } from './paths.ts'

export interface AccountPage {
  readonly person: SignedInPerson
  readonly apps: readonly ConnectedApp[]
  readonly browsers: readonly SignedInBrowser[]
  readonly connections: readonly Connection[]
  readonly leftOver: readonly LeftOver[]
  readonly keys: readonly ApiKey[]
  readonly keyOffers: readonly KeyOffer[]
  readonly minimumPasswordLength: number
}

/** What the last form led to. */
export interface Said {
  readonly notice: string | null
  readonly problems: readonly FieldProblem[]
  readonly retryAfterSeconds: number | null
  /** For a new key. */
  readonly form: KeyForm
}

export const NOTHING_SAID: Said = { notice: null, problems: [], retryAfterSeconds: null, form: EMPTY_FORM }

export function accountView(
  { person, apps, browsers, connections, leftOver, keys, keyOffers, minimumPasswordLength }: AccountPage,
  { form, ...said }: Said,
  now: Date = new Date(),
): AccountView {
  const { name, email, passwordHash, role } = person.user
  return {
    actions: ACTIONS,
    person: { name: name === email ? null : name, email },
    apps: apps.map((app) => appLine(app, keyOffers, now)),
    browsers: browsers.map((browser) => browserLine(browser, person.sessionId, now)),
    connections: connections.map((connection) => connectionLine(connection, role === 'admin', now)),
    leftOver: leftOver.map((left) => leftOverLine(left, now)),
    keys: keys.filter((key) => isGood(key, now)).map((key) => keyLine(key, keyOffers, now)),
    newKey: {
      offers: keyOffers,
      lifetimes: LIFETIMES.map((days) => ({ days, chosen: days === (form.days ?? USUAL_LIFETIME) })),
      name: form.name,
      chosen: form.scopes,
    },
    hasPassword: passwordHash !== null,
    minimumPasswordLength,
    ...said,
  }
}

function appLine(
  { clientId, name, idHost, redirectHost, access, since, lastUsedAt }: ConnectedApp,
  offers: readonly KeyOffer[],
  now: Date,
): AppLine {
  return {
    clientId,
    name: name ?? idHost ?? 'An app that is not known any more',
    verifiedHost: idHost,
    goesTo: redirectHost === null ? null : { host: redirectHost, isLocal: isLoopbackHost(redirectHost) },
    access: access.flatMap((each) => accessLines(each, offers)),
    since: momentOf(since, now),
    lastUsed: momentOf(lastUsedAt, now),
  }
}

/** One for each upstream that the app may use there. */
function accessLines(
  { resource, upstreams, scopes }: AppAccess,
  offers: readonly KeyOffer[],
): AppLine['access'] {
  if (upstreams.length === 0) return [{ title: 'A server that is gone', resource, may: 'nothing any more' }]
  return upstreams
    .filter((upstream) => upstreams.length === 1 || hasAnyScope(scopes, upstream))
    .map((upstream) => ({ title: upstream.title, resource, may: allowed(scopes, upstream, offers) }))
}

/** In the words of the offers; the scope for everything leaves nothing to add. */
function allowed(
  scopes: ReadonlySet<string>,
  upstream: AppAccess['upstreams'][number],
  offers: readonly KeyOffer[],
): string {
  const full = fullScope(upstream.name)
  const granted = scopes.has(full) ? [full] : upstreamScopes(upstream).filter((scope) => scopes.has(scope))
  const labels = new Map(offers.flatMap((offer) => offer.scopes.map(({ scope, label }) => [scope, label])))
  return granted.map((scope) => labels.get(scope) ?? scope).join('; ')
}

function browserLine(
  { sessionId, userAgent, ip, signedInAt, seenAt }: SignedInBrowser,
  current: string,
  now: Date,
): BrowserLine {
  return {
    sessionId,
    name: browserName(userAgent),
    ip,
    isThis: sessionId === current,
    signedIn: momentOf(signedInAt, now),
    seen: momentOf(seenAt, now),
  }
}

function isGood({ revokedAt, expiresAt }: ApiKey, now: Date): boolean {
  return revokedAt === null && (expiresAt === null || expiresAt > now)
}

/** A scope whose upstream is gone opens nothing, and is shown as it is written. */
function keyLine(
  { id, name, hint, scopes, createdAt, lastUsedAt, expiresAt }: ApiKey,
  offers: readonly KeyOffer[],
  now: Date,
): KeyLine {
  const labels = new Map(
    offers.flatMap(({ title, scopes }) => scopes.map(({ scope, label }) => [scope, `${title}: ${label}`])),
  )
  return {
    id,
    name,
    hint,
    may: [...scopes].map((scope) => labels.get(scope) ?? scope),
    created: momentOf(createdAt, now),
    lastUsed: lastUsedAt && momentOf(lastUsedAt, now),
    expires: expiresAt && dateOf(expiresAt),
  }
}
