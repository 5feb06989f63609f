// Owns the routes of the set-up page.

import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { fieldOf } from '../http/csrf.ts'
import type { FailedAttempts } from '../http/failed-attempts.ts'
import type { FieldProblem } from '../http/interaction-view-data.ts'
import type { Pages } from '../http/pages.ts'
import type { ErrorView, MessageView } from '../http/view-data.ts'
import { PASSWORD_MIN_LENGTH } from './new-password.ts'
import type { Setup, SetupForm, SetupOutcome, SetupState } from './setup.ts'

const BUSY_RETRY_SECONDS = 3

export interface SetupRouteNeeds {
  readonly pages: Pages
  readonly setup: Setup
  /** Counts links that are not ours. */
  readonly failures: FailedAttempts
}

export function addSetupRoutes(app: FastifyInstance, { pages, setup, failures }: SetupRouteNeeds): void {
  const onRequest = failures.refuse
  /** Without a token nothing was tried. */
  const note = ({ ip }: FastifyRequest, token: string, kind: SetupState | SetupOutcome['kind']) => {
    if (token !== '' && kind === 'invalid link') failures.failed(ip)
  }

  app.get('/setup', { onRequest }, async (request, reply) => {
    const token = fieldOf(request.query, 'token') ?? ''
    const state = await setup.state(token)
    note(request, token, state)
    return state === 'open' ? sendForm(pages, reply, { token, email: '' }) : sendOver(pages, reply, state)
  })

  app.post('/setup', { onRequest, preHandler: pages.checkCsrf }, async (request, reply) => {
    const form = parseSetupForm(request.body)
    const outcome = await setup.createAdministrator(form)
    note(request, form.token, outcome.kind)
    return sendOutcome(pages, reply, form, outcome)
  })
}

function parseSetupForm(body: unknown): SetupForm {
  const field = (name: string) => fieldOf(body, name) ?? ''
  return {
    token: field('token'),
    email: field('email'),
    name: field('name'),
    password: field('password'),
    passwordAgain: field('password_again'),
  }
}

function sendOutcome(
  pages: Pages,
  reply: FastifyReply,
  form: SetupForm,
  outcome: SetupOutcome,
): Promise<FastifyReply> {
  switch (outcome.kind) {
    case 'created':
      return pages.render(reply, 'message', created(outcome.user.email))
    case 'mistakes':
      return sendForm(pages, reply, form, outcome.problems)
    case 'busy':
      reply.header('retry-after', String(BUSY_RETRY_SECONDS))
      return pages.render(reply, 'error', BUSY, { status: 503 })
    default:
      return sendOver(pages, reply, outcome.kind)
  }
}

function sendForm(
  pages: Pages,
  reply: FastifyReply,
  { token, email }: Pick<SetupForm, 'token' | 'email'>,
  problems: readonly FieldProblem[] = [],
): Promise<FastifyReply> {
  const view = { action: '/setup', token, email, minimumPasswordLength: PASSWORD_MIN_LENGTH, problems }
  return pages.render(reply, 'setup', view, { status: problems.length > 0 ? 422 : 200 })
}

function sendOver(
  pages: Pages,
  reply: FastifyReply,
  state: 'closed' | 'invalid link',
): Promise<FastifyReply> {
  return state === 'closed'
    ? pages.render(reply, 'error', CLOSED, { status: 410 })
    : pages.render(reply, 'error', INVALID_LINK, { status: 404 })
}

function created(email: string): MessageView {
  return {
    title: 'You are the administrator',
    message: `The account of ${email} was created, and this set-up page is closed for good.`,
    link: { href: '/login', label: 'Sign in' },
  }
}

const CLOSED: ErrorView = {
  title: 'Already set up',
  message: 'There is an administrator, so this page is closed for good.',
  advice: null,
  link: { href: '/login', label: 'Sign in' },
  code: null,
  requestId: null,
}

const INVALID_LINK: ErrorView = {
  title: 'This set-up link does not work',
  message: 'It is incomplete, or older than a day.',
  advice: 'Use the whole link that was printed when the service started. Starting it again prints a new one.',
  link: null,
  code: null,
  requestId: null,
}

const BUSY: ErrorView = {
  title: 'One moment',
  message: 'The service is busy.',
  advice: 'Nothing was created. Go back and send the form again in a few seconds.',
  link: null,
  code: null,
  requestId: null,
}
