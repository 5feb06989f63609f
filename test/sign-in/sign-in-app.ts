// Owns a small app with the pages of this room, an authorization request in progress, and a person's browser in front.

import { randomBytes } from 'node:crypto'
import Fastify, { type FastifyInstance, type LightMyRequestResponse } from 'fastify'
import type { Test } from 'tap'
import type { PendingInteraction } from '../../src/authorization-server/interactions.ts'
import { createFailedAttempts } from '../../src/http/failed-attempts.ts'
import { addPages } from '../../src/http/pages.ts'
import { createSignIn } from '../../src/sign-in/authenticate.ts'
import { createKnownBrowsers } from '../../src/sign-in/known-browser.ts'
import { createPasswords, type PasswordNeeds, type Passwords } from '../../src/sign-in/password.ts'
import { signInPlugin } from '../../src/sign-in/plugin.ts'
import { createPseudonym } from '../../src/sign-in/pseudonym.ts'
import { createSetup } from '../../src/sign-in/setup.ts'
import { createThrottle } from '../../src/sign-in/throttle.ts'
import type { ThrottleRules } from '../../src/sign-in/throttle-rules.ts'
import { type OpenCounters, openInMemory } from '../../src/sign-in/throttle-store.ts'
import type { Database } from '../../src/storage/database.ts'
import { isOutage } from '../../src/storage/outage.ts'
import * as users from '../../src/storage/users.ts'
import { createTestDatabase, type DatabaseKind } from '../support/database.ts'
import { CHEAP, countingEngine } from './cheap-passwords.ts'

export const UID = 'u-123'
export const PASSWORD = 'correct horse battery'

export const PENDING: PendingInteraction = {
  uid: UID,
  prompt: 'login',
  accountId: null,
  loginHint: null,
  client: {
    id: 'client-1',
    name: 'Claude Code',
    uri: null,
    redirectHost: 'app.example',
    redirectIsLoopback: false,
    redirectSource: 'https://app.example',
    idHost: null,
  },
  requested: null,
  identity: [],
  device: null,
}

export interface AppOptions {
  readonly kind?: DatabaseKind
  readonly publicUrl?: string
  readonly pending?: Partial<PendingInteraction>
  readonly passwords?: PasswordNeeds
  readonly rules?: ThrottleRules
  readonly counters?: OpenCounters
}

export interface SignInApp {
  readonly app: FastifyInstance
  readonly db: Database
  readonly passwords: Passwords
  readonly engine: ReturnType<typeof countingEngine>
  /** What was asked of the authorization server, and what was put on record. */
  readonly signedIn: string[]
  readonly audited: Record<string, unknown>[]
  addPerson(email: string, options?: { password?: string | null; disabled?: boolean }): Promise<users.User>
  /** The same service again on the same database, as after a restart or as another replica. */
  again(): Promise<FastifyInstance>
}

export async function buildSignIn(t: Test, options: AppOptions = {}): Promise<SignInApp> {
  const { db } = await createTestDatabase(t, { kind: options.kind ?? 'postgres' })
  const engine = countingEngine()
  const passwords = await createPasswords({ passwordCost: CHEAP, engine, ...options.passwords })
  const signedIn: string[] = []
  const audited: Record<string, unknown>[] = []
  const again = () => build(t, { ...options, db, passwords, signedIn, audited })

  return {
    app: await again(),
    db,
    passwords,
    engine,
    signedIn,
    audited,
    again,
    async addPerson(email, { password = PASSWORD, disabled = false } = {}) {
      const passwordHash = password === null ? null : await passwords.hash(password)
      const { user } = await users.create(db, { email, name: 'A person', passwordHash, role: 'member' })
      if (!user) throw new Error(`${email} is taken`)
      if (disabled) await users.disable(db, user.id)
      return user
    },
  }
}

async function build(
  t: Test,
  needs: AppOptions & Pick<SignInApp, 'db' | 'passwords' | 'signedIn' | 'audited'>,
): Promise<FastifyInstance> {
  const { db, passwords, signedIn, audited, publicUrl = PUBLIC_URL } = needs
  const app = Fastify({ trustProxy: true })
  t.teardown(() => app.close())
  const record = (event: string) => (members: object) => void audited.push({ event, ...members })
  const audit = {
    signInSucceeded: record('succeeded'),
    signInFailed: record('failed'),
    signInThrottled: record('throttled'),
    administratorCreated: record('administrator'),
  }
  const pages = await addPages(app, { publicUrl, isOutage })
  await app.register(signInPlugin, {
    publicUrl,
    pages,
    startSignIn: () => '/authorize?client_id=gatehouse',
    setup: createSetup({ db, passwords, audit }),
    failures: createFailedAttempts({ rate: null, clock: Date.now }),
    signIn: createSignIn({
      db,
      passwords,
      throttle: createThrottle(needs.counters ?? openInMemory(), needs.rules),
      knownBrowsers: createKnownBrowsers([randomBytes(32)]),
      pseudonym: createPseudonym(randomBytes(32)),
      audit,
    }),
    interactions: {
      find: async ({ params }) =>
        JSON.stringify(params).includes(UID) ? { ...PENDING, ...needs.pending } : null,
      beginsAgainAt: async () => null,
      async signIn(_request, _reply, accountId) {
        signedIn.push(accountId)
        return `${publicUrl}/authorize/${UID}`
      },
    },
  })
  return app
}

export const PUBLIC_URL = 'http://localhost:8080'

export interface Browser {
  get(path: string): Promise<LightMyRequestResponse>
  /** Posts a form as the browser would that got its page from us. */
  post(
    path: string,
    fields: Record<string, string>,
    headers?: Record<string, string>,
  ): Promise<LightMyRequestResponse>
  readonly cookies: Map<string, string>
}

/** Keeps cookies, and opens `formPath` once to get what its form carries. */
export function openBrowser(app: FastifyInstance, ip = '192.0.2.1', origin = PUBLIC_URL): Browser {
  const cookies = new Map<string, string>()
  let token: string | undefined
  const send = async (
    method: 'GET' | 'POST',
    path: string,
    headers: Record<string, string>,
    payload?: string,
  ) => {
    const cookie = [...cookies].map(([name, value]) => `${name}=${value}`).join('; ')
    const response = await app.inject({
      method,
      url: path,
      headers: {
        host: new URL(origin).host,
        accept: 'text/html',
        'x-forwarded-for': ip,
        ...(cookie && { cookie }),
        ...headers,
      },
      ...(payload === undefined ? {} : { payload }),
    })
    for (const { name, value } of response.cookies) cookies.set(name, value)
    token = tokenOf(response.body) ?? token
    return response
  }
  return {
    cookies,
    get: (path) => send('GET', path, {}),
    async post(path, fields, headers = {}) {
      if (token === undefined) await send('GET', path, {})
      const payload = new URLSearchParams({ _csrf: token ?? '', ...fields }).toString()
      const form = {
        'content-type': 'application/x-www-form-urlencoded',
        origin,
        'sec-fetch-site': 'same-origin',
      }
      return await send('POST', path, { ...form, ...headers }, payload)
    },
  }
}

export function tokenOf(body: string): string | undefined {
  return /name="_csrf" value="([^"]+)"/.exec(body)?.[1]
}
