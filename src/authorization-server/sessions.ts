// Owns what the pages see of the browsers in which a person is signed in, and when such a session is over.

import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Provider, Session } from 'oidc-provider'
import type { Audit } from '../ops/audit.ts'
import * as artifactEnds from '../storage/artifact-ends.ts'
import * as artifacts from '../storage/artifacts.ts'
import type { Keyring } from '../storage/sealing.ts'
import type { Transactions } from '../storage/transactions.ts'
import * as users from '../storage/users.ts'
import { openPayload } from './adapter.ts'
import { inBrowser } from './browsers.ts'
import { setCookie } from './cookies.ts'
import { type Lifetimes, sessionTtl } from './lifetimes.ts'

export interface SignedInPerson {
  readonly user: users.User
  /** Stays the same while the person is signed in with this browser. */
  readonly sessionId: string
}

export interface SignedInBrowser {
  readonly sessionId: string
  readonly userAgent: string
  readonly ip: string
  readonly signedInAt: Date
  readonly seenAt: Date
}

export interface Sessions {
  /** Who is signed in with this browser. Coming here counts as use: the idle limit begins anew. */
  current(request: FastifyRequest, reply: FastifyReply): Promise<SignedInPerson | null>
  /** Every browser of a person, the last used first. */
  list(userId: users.UserId): Promise<readonly SignedInBrowser[]>
  /** Signs this browser out. */
  signOut(request: FastifyRequest, reply: FastifyReply): Promise<void>
  /** Signs one browser of the person out. */
  end(userId: users.UserId, sessionId: string): Promise<void>
  /** Signs all browsers of the person out, on every replica at once. */
  endAll(userId: users.UserId): Promise<void>
  /** Begins the session of this browser anew, after `endAll`: it stays signed in, under another identifier. */
  renew(request: FastifyRequest, reply: FastifyReply, userId: users.UserId): Promise<void>
}

export interface SessionNeeds extends Pick<Lifetimes, 'sessionIdleSeconds' | 'sessionMaxSeconds'> {
  readonly provider: () => Provider
  readonly issuer: string
  readonly transactions: Transactions
  readonly keyring: Keyring
  readonly audit: Pick<Audit, 'signedOut'>
}

/** Being used is noted at most this often, so that a page costs no write. */
const USE_NOTED_EVERY_SECONDS = 10 * 60

export function createSessions(needs: SessionNeeds): Sessions {
  const { transactions, keyring } = needs
  const db = () => transactions.current()

  return {
    async current(request, reply) {
      const session = await sessionOf(needs.provider(), request, reply)
      if (session.accountId === undefined) return null
      const user = await users.findById(db(), session.accountId)
      if (!user || isOver(session, user)) return null
      if (isDue(session, needs)) await save(session, request, reply, needs)
      return { user, sessionId: session.uid }
    },

    async list(userId) {
      const rows = await artifacts.listByAccount(db(), userId, ['Session'])
      const browsers = rows.flatMap((row) => describeBrowser(openPayload(keyring, row), row.createdAt))
      return browsers.toSorted((a, b) => b.seenAt.getTime() - a.seenAt.getTime())
    },

    async signOut(request, reply) {
      const session = await sessionOf(needs.provider(), request, reply)
      if (session.accountId !== undefined) {
        await session.destroy()
        needs.audit.signedOut({ userId: session.accountId, ip: request.ip, everywhere: false })
      }
      setCookie({ ...needs, provider: needs.provider() }, request, reply, { name: 'session', value: null })
    },

    async end(userId, sessionId) {
      await artifactEnds.endSessions(db(), userId, sessionId)
    },

    endAll(userId) {
      return transactions.run(async () => {
        await users.endSignIns(db(), userId, new Date())
        await artifactEnds.endSessions(db(), userId)
      })
    },

    async renew(request, reply, userId) {
      const session = await sessionOf(needs.provider(), request, reply)
      session.loginAccount({ accountId: userId })
      session.resetIdentifier()
      await save(session, request, reply, needs)
    },
  }
}

/** Pure. Beginnings of sessions are known to the second. */
export function isOver(
  { loginTs = 0 }: Pick<Session, 'loginTs'>,
  { disabledAt, signedOutAt }: Pick<users.User, 'disabledAt' | 'signedOutAt'>,
): boolean {
  return disabledAt !== null || (signedOutAt !== null && loginTs < Math.floor(signedOutAt.getTime() / 1000))
}

export function sessionOf(
  provider: Provider,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<Session> {
  return provider.Session.get(provider.createContext(request.raw, reply.raw))
}

/** Pure. Whether the end of the session has come so much closer that its use should be noted. */
export function isDue(
  session: Pick<Session, 'loginTs' | 'exp'>,
  limits: Pick<Lifetimes, 'sessionIdleSeconds' | 'sessionMaxSeconds'>,
  now: number = Math.floor(Date.now() / 1000),
): boolean {
  return sessionTtl(session, limits, now) - (session.exp - now) >= USE_NOTED_EVERY_SECONDS
}

async function save(
  session: Session,
  request: FastifyRequest,
  reply: FastifyReply,
  needs: SessionNeeds,
): Promise<void> {
  const provider = needs.provider()
  const ttl = sessionTtl(session, needs)
  await inBrowser(request.raw, request.ip, () => session.save(ttl))
  const expires = new Date(Date.now() + ttl * 1000)
  setCookie({ provider, issuer: needs.issuer }, request, reply, {
    name: 'session',
    value: session.jti,
    expires,
  })
}

/** Empty for a row that cannot be opened. */
function describeBrowser(payload: ReturnType<typeof openPayload>, createdAt: Date): SignedInBrowser[] {
  if (!payload?.uid) return []
  const { ip, userAgent, at } = browserOf(payload)
  return [
    {
      sessionId: payload.uid,
      ip,
      userAgent,
      signedInAt: payload.loginTs === undefined ? createdAt : new Date(payload.loginTs * 1000),
      seenAt: at === null ? createdAt : new Date(at),
    },
  ]
}

function browserOf(payload: object): { ip: string; userAgent: string; at: number | null } {
  const browser = 'browser' in payload ? payload.browser : null
  const member = (name: string): unknown =>
    typeof browser === 'object' && browser !== null
      ? Object.getOwnPropertyDescriptor(browser, name)?.value
      : undefined
  const [ip, userAgent, at] = [member('ip'), member('userAgent'), member('at')]
  return {
    ip: typeof ip === 'string' ? ip : '',
    userAgent: typeof userAgent === 'string' ? userAgent : '',
    at: typeof at === 'number' ? at : null,
  }
}
