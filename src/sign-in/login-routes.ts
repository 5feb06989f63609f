// Owns the routes of the sign-in page.

import type { CookieSerializeOptions } from '@fastify/cookie'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { Interactions, PendingInteraction } from '../authorization-server/interactions.ts'
import { fieldOf } from '../http/csrf.ts'
import type { Pages } from '../http/pages.ts'
import type { SignIn } from './authenticate.ts'
import { typedEmailProblem } from './identity.ts'
import { KNOWN_BROWSER_SECONDS } from './known-browser.ts'
import { loginProblem, notUnderstood, sendExpired, sendLoginForm, sendLoginProblem } from './login-page.ts'
import { isTooLong } from './password.ts'

export interface LoginRouteNeeds {
  readonly publicUrl: string
  readonly pages: Pages
  readonly interactions: Pick<Interactions, 'find' | 'beginsAgainAt' | 'signIn'>
  readonly signIn: SignIn
  /** The path of an authorization request of our own pages: there is one way to sign in. */
  readonly startSignIn: () => string
}

export function addLoginRoutes(app: FastifyInstance, needs: LoginRouteNeeds): void {
  const { pages, startSignIn, interactions } = needs
  const expired = async (request: FastifyRequest, reply: FastifyReply) =>
    sendExpired(pages, reply, await interactions.beginsAgainAt(request, reply))

  app.get('/login', async (_request, reply) =>
    reply.header('cache-control', 'no-store').redirect(startSignIn(), 303),
  )

  app.get('/login/:uid', async (request, reply) => {
    const pending = await findLogin(needs, request, reply)
    return pending ? sendLoginForm(pages, reply, pending) : expired(request, reply)
  })

  app.post('/login/:uid', { preHandler: pages.checkCsrf }, async (request, reply) => {
    const pending = await findLogin(needs, request, reply)
    if (!pending) return expired(request, reply)
    const { email, password } = parseLoginForm(request.body)
    const mistake = formMistake(email, password)
    if (mistake) return sendLoginProblem(pages, reply, pending, email, notUnderstood(mistake))

    const cookie = knownBrowserCookie(needs.publicUrl)
    const knownBrowser = request.cookies[cookie.name]
    const outcome = await needs.signIn.signInWithPassword({ email, password, ip: request.ip, knownBrowser })
    if (outcome.kind !== 'signed-in')
      return sendLoginProblem(pages, reply, pending, email, loginProblem(outcome))

    reply.setCookie(cookie.name, outcome.knownBrowser, cookie.options)
    reply.header('cache-control', 'no-store')
    return pages.proceed(reply, await needs.interactions.signIn(request, reply, outcome.user.id))
  })
}

/** Null also for an interaction that has come further than signing in. */
async function findLogin(
  { interactions }: LoginRouteNeeds,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<PendingInteraction | null> {
  const pending = await interactions.find(request, reply)
  return pending?.prompt === 'login' ? pending : null
}

function parseLoginForm(body: unknown) {
  return { email: fieldOf(body, 'email') ?? '', password: fieldOf(body, 'password') ?? '' }
}

/** Pure: what keeps the password from being checked at all. */
function formMistake(email: string, password: string): string | null {
  const problem = typedEmailProblem(email)
  if (problem) return problem
  if (password === '') return 'Enter your password.'
  return isTooLong(password) ? 'The password is too long.' : null
}

/** RFC 6265bis §4.1.3.2: over https no sibling domain can set it. */
function knownBrowserCookie(publicUrl: string): { name: string; options: CookieSerializeOptions } {
  const secure = publicUrl.startsWith('https:')
  return {
    name: secure ? '__Host-known-browser' : 'known-browser',
    options: { path: '/', httpOnly: true, sameSite: 'lax', secure, maxAge: KNOWN_BROWSER_SECONDS },
  }
}
