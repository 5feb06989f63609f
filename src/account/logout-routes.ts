// Owns signing out: never without the person's own click, and on to the app that asked for it (OpenID Connect RP-Initiated Logout 1.0).

import type { FastifyInstance, FastifyReply } from 'fastify'
import type { Logout, LogoutParameters, LogoutRequest } from '../authorization-server/logout.ts'
import type { Sessions } from '../authorization-server/sessions.ts'
import type { LogoutView } from '../http/account-view-data.ts'
import { fieldOf } from '../http/csrf.ts'
import type { Pages } from '../http/pages.ts'
import type { MessageView } from '../http/view-data.ts'
import { LOGOUT_PATH, SIGN_OUT_ACTION } from './paths.ts'

export interface LogoutRouteNeeds {
  readonly pages: Pages
  readonly sessions: Pick<Sessions, 'current' | 'signOut'>
  readonly logout: Logout
}

const NAMES = ['id_token_hint', 'client_id', 'post_logout_redirect_uri', 'state'] as const

export function addLogoutRoutes(app: FastifyInstance, { pages, sessions, logout }: LogoutRouteNeeds): void {
  app.get(LOGOUT_PATH, async (request, reply) => {
    const parameters = parametersOf(request.query)
    const asked = await logout.read(parameters)
    const person = await sessions.current(request, reply)
    if (!person) return signedOut(pages, reply, asked)
    const view = logoutView(person.user.email, asked, parameters)
    return pages.render(reply, 'logout', view, formAction(asked))
  })

  // §2 asks for POST as well. A page of another site sends no session cookie with it, but it does with what follows it.
  app.post(LOGOUT_PATH, async (request, reply) => {
    const query = new URLSearchParams(Object.entries(parametersOf(request.body)))
    return reply.header('cache-control', 'no-store').redirect(`${LOGOUT_PATH}?${query}`, 303)
  })

  app.post(SIGN_OUT_ACTION, { preHandler: pages.checkCsrf }, async (request, reply) => {
    const asked = await logout.read(parametersOf(request.body))
    await sessions.signOut(request, reply)
    return asked.returnTo ? pages.proceed(reply, asked.returnTo.href) : signedOut(pages, reply, asked)
  })
}

/** Who is signed out already goes on at once only with proof that the app had signed them in: anybody can register one. */
function signedOut(pages: Pages, reply: FastifyReply, { returnTo, isProven }: LogoutRequest) {
  if (returnTo && isProven) return pages.proceed(reply, returnTo.href)
  return pages.render(reply, 'message', signedOutView(returnTo))
}

function signedOutView(returnTo: LogoutRequest['returnTo']): MessageView {
  return {
    title: 'You are signed out',
    message:
      'This browser is not signed in any more. Connected apps still have access until you disconnect them.',
    link: returnTo
      ? { href: returnTo.href, label: `Continue to ${returnTo.host}` }
      : { href: '/login', label: 'Sign in again' },
  }
}

function logoutView(
  email: string,
  { client, returnTo }: LogoutRequest,
  parameters: Record<string, string>,
): LogoutView {
  return {
    action: SIGN_OUT_ACTION,
    email,
    client: client && { name: client.name, verifiedHost: client.idHost },
    returnHost: returnTo?.host ?? null,
    // Without a client nothing of the request counts.
    parameters: client ? Object.entries(parameters).map(([name, value]) => ({ name, value })) : [],
  }
}

function formAction({ returnTo }: LogoutRequest) {
  return { formAction: returnTo?.source }
}

function parametersOf(source: unknown): Record<string, string> & LogoutParameters {
  return Object.fromEntries(
    NAMES.flatMap((name) => {
      const value = fieldOf(source, name)
      return value === undefined || value === '' ? [] : [[name, value]]
    }),
  )
}
