// Owns the routes of the page on which a person sees and ends what runs in their name.

import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { ConnectedApps } from '../authorization-server/connected-apps.ts'
import type { Sessions, SignedInPerson } from '../authorization-server/sessions.ts'
import { fieldOf, storedNameIn } from '../http/csrf.ts'
import type { FieldProblem } from '../http/interaction-view-data.ts'
import type { Pages } from '../http/pages.ts'
import type { Audit } from '../ops/audit.ts'
import type { User } from '../storage/users.ts'
import type { ConnectRouteNeeds } from './connect-routes.ts'
import { createKey, type KeyNeeds, revokeKey } from './key-routes.ts'
import { ACCOUNT_PATH, ACTIONS } from './paths.ts'
import { accountView, NOTHING_SAID, type Said } from './view.ts'

export interface AccountRouteNeeds extends KeyNeeds, ConnectRouteNeeds {
  readonly pages: Pages
  readonly sessions: Sessions
  readonly apps: ConnectedApps
  /** The path at which signing in begins that ends at `landing`. */
  readonly startSignIn: (landing: string) => string
  readonly changePassword: (
    user: User,
    change: PasswordForm & { readonly ip: string },
  ) => Promise<PasswordOutcome>
  readonly minimumPasswordLength: number
  readonly audit: KeyNeeds['audit'] & ConnectRouteNeeds['audit'] & Pick<Audit, 'signedOut'>
}

export interface PasswordForm {
  readonly password: string
  readonly newPassword: string
  readonly newPasswordAgain: string
}

export type PasswordOutcome =
  | { readonly kind: 'changed' }
  | { readonly kind: 'mistakes'; readonly problems: readonly FieldProblem[] }
  | { readonly kind: 'wait'; readonly seconds: number }
  | { readonly kind: 'busy' }

/** What can be said after a form was posted; the address names one of them, never its text. */
const NOTICES: ReadonlyMap<unknown, string> = new Map([
  ['disconnected', 'The app is disconnected.'],
  ['session-ended', 'The browser is signed out.'],
  ['key-revoked', 'The API key is revoked.'],
  ['password-changed', 'Your password is changed, and all other browsers are signed out.'],
])

const BUSY_RETRY_SECONDS = 3

type Act = (request: FastifyRequest, reply: FastifyReply, person: SignedInPerson) => Promise<FastifyReply>

export function addAccountRoutes(app: FastifyInstance, needs: AccountRouteNeeds): void {
  const { pages, sessions, apps } = needs

  /** Every route of this room is for whoever is signed in; others sign in and come back to the page. */
  const signedIn = (act: Act) => async (request: FastifyRequest, reply: FastifyReply) => {
    const person = await sessions.current(request, reply)
    if (person) return act(request, reply, person)
    return reply.header('cache-control', 'no-store').redirect(needs.startSignIn(ACCOUNT_PATH), 303)
  }
  const post = (path: string, act: Act) => app.post(path, { preHandler: pages.checkCsrf }, signedIn(act))

  app.get(
    ACCOUNT_PATH,
    signedIn((request, reply, person) => {
      const notice = NOTICES.get(fieldOf(request.query, 'done')) ?? null
      return show(reply, person, { ...NOTHING_SAID, notice }, needs)
    }),
  )

  post(ACTIONS.disconnect, async (request, reply, { user }) => {
    await apps.disconnect(user.id, storedNameIn(request.body, 'client_id'))
    return back(reply, 'disconnected')
  })

  post(ACTIONS.endSession, async (request, reply, { user }) => {
    await sessions.end(user.id, storedNameIn(request.body, 'session'))
    return back(reply, 'session-ended')
  })

  post(ACTIONS.endAll, async (request, reply, { user }) => {
    const withApps = fieldOf(request.body, 'apps') === 'disconnect'
    await sessions.endAll(user.id)
    if (withApps) await apps.disconnectAll(user.id)
    needs.audit.signedOut({ userId: user.id, ip: request.ip, everywhere: true })
    return pages.render(reply, 'message', withApps ? SIGNED_OUT_WITH_APPS : SIGNED_OUT_EVERYWHERE)
  })

  post(ACTIONS.createKey, async (request, reply, person) => {
    const outcome = await createKey(request.body, reply, person.user.id, needs)
    if ('answer' in outcome) return outcome.answer
    const { problems, form } = outcome
    return show(reply.code(422), person, { ...NOTHING_SAID, problems, form }, needs)
  })

  post(ACTIONS.revokeKey, async (request, reply, { user }) => {
    await revokeKey(request.body, user.id, needs)
    return back(reply, 'key-revoked')
  })

  post(ACTIONS.password, (request, reply, person) => changePassword(request, reply, person, needs))
}

async function changePassword(
  request: FastifyRequest,
  reply: FastifyReply,
  person: SignedInPerson,
  needs: AccountRouteNeeds,
): Promise<FastifyReply> {
  const { sessions, apps } = needs
  const { user } = person
  const outcome = await needs.changePassword(user, { ...parsePasswordForm(request.body), ip: request.ip })
  switch (outcome.kind) {
    case 'mistakes':
      return show(reply.code(422), person, { ...NOTHING_SAID, problems: outcome.problems }, needs)
    case 'wait':
      reply.code(429).header('retry-after', String(outcome.seconds))
      return show(reply, person, { ...NOTHING_SAID, retryAfterSeconds: outcome.seconds }, needs)
    case 'busy':
      reply.code(503).header('retry-after', String(BUSY_RETRY_SECONDS))
      return show(reply, person, { ...NOTHING_SAID, notice: BUSY }, needs)
    case 'changed':
      // Whoever knew the old password is out, in every browser but this one.
      await sessions.endAll(user.id)
      if (fieldOf(request.body, 'apps') === 'disconnect') await apps.disconnectAll(user.id)
      await sessions.renew(request, reply, user.id)
      return back(reply, 'password-changed')
  }
}

const BUSY = 'Nothing was changed: the service is busy. Try again in a few seconds.'

function parsePasswordForm(body: unknown): PasswordForm {
  const field = (name: string) => fieldOf(body, name) ?? ''
  return {
    password: field('password'),
    newPassword: field('new_password'),
    newPasswordAgain: field('new_password_again'),
  }
}

async function show(
  reply: FastifyReply,
  person: SignedInPerson,
  said: Said,
  { pages, sessions, apps, connections, keys, keyOffers, minimumPasswordLength }: AccountRouteNeeds,
): Promise<FastifyReply> {
  const { id, role } = person.user
  const [connected, browsers, logins, left, ofAll, ownKeys] = await Promise.all([
    apps.list(id),
    sessions.list(id),
    connections.list(id).then((all) => all.filter(({ how }) => how !== 'own')),
    connections.leftOver(id),
    role === 'admin' ? connections.leftOver(null) : [],
    keys.listOf(id),
  ])
  const page = {
    person,
    apps: connected,
    browsers,
    connections: logins,
    leftOver: [...left, ...ofAll],
    keys: ownKeys,
    keyOffers: keyOffers(),
  }
  const view = accountView({ ...page, minimumPasswordLength }, said)
  return pages.render(reply, 'account', view, { status: reply.statusCode })
}

/** So that reloading the page repeats nothing. */
function back(reply: FastifyReply, done: string): FastifyReply {
  return reply.header('cache-control', 'no-store').redirect(`${ACCOUNT_PATH}?done=${done}`, 303)
}

const SIGNED_OUT_EVERYWHERE = {
  title: 'You are signed out everywhere',
  message: 'No browser is signed in to your account. Connected apps still have access.',
  link: { href: '/login', label: 'Sign in' },
}

const SIGNED_OUT_WITH_APPS = {
  title: 'You are signed out everywhere',
  message: 'No browser is signed in to your account, and no app has access to it.',
  link: { href: '/login', label: 'Sign in' },
}
