// Owns `gatehouse upstream login`, `logout` and `status`: whose logins there are at the upstreams, making and ending them.

import type { Config } from '../config/config.ts'
import { createGuardedFetch } from '../http/guarded-fetch.ts'
import type { Database } from '../storage/database.ts'
import { EVERYBODY } from '../storage/upstream-connections.ts'
import type { User } from '../storage/users.ts'
import { createConnections } from '../upstreams/connections/connections.ts'
import { createKnownConnections } from '../upstreams/connections/known.ts'
import { type Connections, connectPath, type DeviceLogin, type Wish } from '../upstreams/connections/port.ts'
import { isConfigured } from '../upstreams/named-origins.ts'
import { createProofs } from '../upstreams/oauth/proofs.ts'
import { createRegistry } from '../upstreams/registry.ts'
import { withDatabase } from './database.ts'
import { print, warn } from './output.ts'
import { record } from './record.ts'
import { existing } from './user-group.ts'

export interface LoginOptions {
  readonly user?: string
  readonly shared?: boolean
  readonly flow?: string
  readonly json?: boolean
}

/** What the actions work with. */
export interface Desk {
  readonly db: Database
  readonly config: Config
  readonly connections: Connections
}

export async function withConnections(act: (desk: Desk) => Promise<void>): Promise<void> {
  await withDatabase(async ({ db, config, keyring: openKeyring }) => {
    const keyring = await openKeyring()
    const registry = createRegistry(config.upstreams, config.publicUrl)
    const connections = createConnections({
      db,
      keyring,
      fetch: createGuardedFetch({ isConfigured: isConfigured(registry) }),
      proofs: createProofs(),
      publicUrl: config.publicUrl,
      upstreams: () => registry.upstreams(),
      known: createKnownConnections(db, keyring),
      report: () => undefined,
    })
    await act({ db, config, connections })
  })
}

export async function login(desk: Desk, name: string, options: LoginOptions): Promise<void> {
  const { flow = 'browser', json } = options
  const { wish, user } = await target(desk, name, options)
  if (flow === 'browser') return sayWhere(desk, wish, user, json)
  if (flow !== 'device') throw new Error(`--flow is browser or device, not "${flow}".`)
  if (wish.how === 'api-key')
    throw new Error(`${wish.title} takes a key, not a login. Leave out --flow for the page to paste it.`)
  const begun = await desk.connections.beginDevice(ownerOf(wish, user))
  if (begun.kind === 'failed') throw new Error(begun.why)
  const say = json ? warn : (line: string) => print(null, false, [line])
  for (const line of instructions(begun.login)) say(line)
  const outcome = await begun.login.wait(new AbortController().signal)
  if (outcome.kind !== 'connected')
    throw new Error(outcome.kind === 'failed' ? outcome.why : 'The login was not finished.')
  await record(desk.db, 'upstream.connected', { userId: user?.id ?? EVERYBODY, upstream: wish.upstream })
  print({ upstream: wish.upstream, user: user?.email ?? null, connected: true }, json, [
    `${wish.title} is connected for ${user?.email ?? 'everybody'}.`,
  ])
}

export async function logout(desk: Desk, name: string, options: LoginOptions): Promise<void> {
  if (await endLeftOver(desk, name, options)) return
  const { wish, user } = await target(desk, name, options)
  const outcome = await desk.connections.disconnect(ownerOf(wish, user))
  if (outcome.kind === 'failed') throw new Error(outcome.why)
  const ended = outcome.kind === 'ended'
  if (ended)
    await record(desk.db, 'upstream.disconnected', { userId: user?.id ?? EVERYBODY, upstream: wish.upstream })
  const whom = user?.email ?? 'everybody'
  print({ upstream: wish.upstream, user: user?.email ?? null, ended }, options.json, [
    ended
      ? `${wish.title} is not connected any more for ${whom}.`
      : `${wish.title} was not connected for ${whom}.`,
  ])
}

/** What an earlier configuration left behind has no upstream to ask. False when there is none. */
async function endLeftOver({ db, connections }: Desk, name: string, options: LoginOptions): Promise<boolean> {
  const { user: email, shared, json } = options
  if ((email === undefined) === (shared !== true)) return false
  const user = email === undefined ? null : await existing(db, email)
  const outcome = await connections.endLeftOver({
    userId: user?.id ?? null,
    upstream: name,
    isOperator: true,
  })
  if (outcome.kind !== 'ended') return false
  await record(db, 'upstream.disconnected', { userId: user?.id ?? EVERYBODY, upstream: name })
  print({ upstream: name, user: user?.email ?? null, ended: true }, json, [
    `What an earlier configuration of ${name} left behind for ${user?.email ?? 'everybody'} is gone.`,
  ])
  return true
}

interface Target {
  readonly wish: Wish
  /** Null: everybody. */
  readonly user: User | null
}

async function target(
  { db, config, connections }: Desk,
  name: string,
  options: LoginOptions,
): Promise<Target> {
  const wish = connections.wishOf(name)
  if (wish === null) throw new Error(noSuchUpstream(name, config, connections))
  const { user: email, shared } = options
  if (wish.shared && email !== undefined)
    throw new Error(`Everybody shares the login at ${wish.title}. Say --shared instead of --user.`)
  if (!wish.shared && shared)
    throw new Error(
      `Everybody has a login of their own at ${wish.title}. Say --user EMAIL instead of --shared.`,
    )
  if (wish.shared && !shared) throw new Error(`The login at ${wish.title} is for everybody. Say --shared.`)
  if (wish.shared) return { wish, user: null }
  if (email === undefined) throw new Error('Say whose login it is: --user EMAIL.')
  const user = await existing(db, email)
  if (user.disabledAt !== null) throw new Error(`${user.email} is disabled.`)
  return { wish, user }
}

function noSuchUpstream(name: string, { upstreams }: Config, { wishOf }: Connections): string {
  if (upstreams.some((upstream) => upstream.name === name)) return `${name} wants no login of a person.`
  const wanting = upstreams.map((upstream) => upstream.name).filter((each) => wishOf(each) !== null)
  const known =
    wanting.length === 0 ? 'None wants a login.' : `Those that want a login: ${wanting.join(', ')}.`
  return `There is no upstream "${name}". ${known}`
}

function ownerOf({ upstream }: Wish, user: User | null) {
  return { upstream, userId: user?.id ?? null, isOperator: true }
}

function sayWhere(
  { config }: Desk,
  { upstream, shared }: Wish,
  user: User | null,
  json: boolean | undefined,
): void {
  const link = config.publicUrl + connectPath(upstream)
  const who = shared ? 'an administrator' : user?.email
  print({ upstream, user: user?.email ?? null, link }, json, [`Open this link, signed in as ${who}:`, link])
}

function instructions({ verificationUri, verificationUriComplete, userCode, expiresInSeconds }: DeviceLogin) {
  const minutes = Math.max(1, Math.round(expiresInSeconds / 60))
  const direct = verificationUriComplete === null ? [] : [`or open ${verificationUriComplete}`]
  return [
    `Open ${verificationUri} on any device, and enter the code ${userCode}`,
    ...direct,
    `Waiting for it, for ${minutes} ${minutes === 1 ? 'minute' : 'minutes'} at most.`,
  ]
}
