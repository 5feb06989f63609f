// Owns what the sign-in page says about each outcome.

import type { FastifyReply } from 'fastify'
import type { PendingInteraction } from '../authorization-server/interactions.ts'
import { EXPIRED_STATUS, expiredSignIn } from '../http/expired.ts'
import type { LoginView } from '../http/interaction-view-data.ts'
import type { Pages } from '../http/pages.ts'
import type { SignInOutcome } from './authenticate.ts'
import { newEmailProblem } from './identity.ts'

const BUSY_RETRY_SECONDS = 3

export interface LoginProblem {
  readonly status: number
  readonly problem: string
  readonly retryAfterSeconds: number | null
}

/** Something is missing or cannot be looked up. Not 401, which speaks of a challenge (RFC 9110 §15.5.2). */
export function notUnderstood(problem: string): LoginProblem {
  return { status: 422, problem, retryAfterSeconds: null }
}

/** Pure: what to say when nobody is signed in. */
export function loginProblem(outcome: Exclude<SignInOutcome, { kind: 'signed-in' }>): LoginProblem {
  switch (outcome.kind) {
    case 'refused':
      return notUnderstood('The email address or the password is not right.')
    case 'wait':
      return { status: 429, problem: 'There were too many attempts.', retryAfterSeconds: outcome.seconds }
    case 'busy':
      return {
        status: 503,
        problem: 'Many people are signing in right now. Try again in a few seconds.',
        retryAfterSeconds: null,
      }
  }
}

/** The form, empty but for the client's login hint where that is an address: any other text might be a message to the person. */
export function sendLoginForm(
  pages: Pages,
  reply: FastifyReply,
  pending: PendingInteraction,
): Promise<FastifyReply> {
  const hint = pending.loginHint ?? ''
  const email = newEmailProblem(hint) === null ? hint : ''
  return pages.render(reply, 'login', loginView(pending, email), formAction(pending))
}

/** The form once more, with what was typed except the password. */
export function sendLoginProblem(
  pages: Pages,
  reply: FastifyReply,
  pending: PendingInteraction,
  email: string,
  { status, problem, retryAfterSeconds }: LoginProblem,
): Promise<FastifyReply> {
  const retryAfter = retryAfterSeconds ?? (status === 503 ? BUSY_RETRY_SECONDS : null)
  if (retryAfter !== null) reply.header('retry-after', String(retryAfter))
  const view = { ...loginView(pending, email), problem, retryAfterSeconds }
  return pages.render(reply, 'login', view, { status, ...formAction(pending) })
}

/** `again`: where its request begins anew. */
export function sendExpired(pages: Pages, reply: FastifyReply, again: string | null): Promise<FastifyReply> {
  return pages.render(reply, 'error', expiredSignIn(again), { status: EXPIRED_STATUS })
}

function loginView({ uid, client }: PendingInteraction, email: string): LoginView {
  return {
    action: `/login/${uid}`,
    client: client && { name: client.name, verifiedHost: client.idHost },
    email,
    problem: null,
    retryAfterSeconds: null,
  }
}

/** Signing in may lead straight back to the client when it needs no further consent. */
function formAction({ client }: PendingInteraction) {
  return { formAction: client?.redirectSource }
}
