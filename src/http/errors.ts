// Owns the answer to everything that goes wrong: an OAuth error, a page for a person, or a request id. Never a stack.

import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { wantsPage } from './accept.ts'
import { type ErrorAnswer, errorAnswer, NOT_FOUND, wrongMethod } from './error-answer.ts'
import type { PageLink } from './view-data.ts'
import type { Render } from './views.ts'

const PLAIN_PATH = /^[\w./-]+$/
const FRONT_PAGE: PageLink = { href: '/', label: 'Front page' }
const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'OPTIONS'] as const

export interface ErrorNeeds {
  readonly render: Render
  /** Whether this is an outage of something we depend on, so that coming back later helps. */
  readonly isOutage: (error: unknown) => boolean
}

export function addErrorAnswers(app: FastifyInstance, { render, isOutage }: ErrorNeeds): void {
  const answer = async (request: FastifyRequest, reply: FastifyReply, what: ErrorAnswer) => {
    reply.code(what.status).header('cache-control', 'no-store')
    if (what.retryAfterSeconds !== null) reply.header('retry-after', String(what.retryAfterSeconds))
    return wantsPage(request.headers)
      ? sendPage(request, reply, what, render)
      : reply.send(bodyOf(request, what))
  }

  app.setNotFoundHandler((request, reply) => {
    const allowed = methodsAt(app, request)
    if (allowed.length === 0) return answer(request, reply, NOT_FOUND)
    // RFC 9110 §15.5.6
    return answer(request, reply.header('allow', allowed.join(', ')), wrongMethod(request.method, allowed))
  })
  app.setErrorHandler((error, request, reply) => {
    const what = errorAnswer(error, isOutage)
    log(request, error, what)
    return answer(request, reply, what)
  })
}

/** What could have been done at this very path. What is asked of the router is a pattern, which no stranger may write. */
function methodsAt(app: FastifyInstance, { url: target }: FastifyRequest): readonly string[] {
  const [url = ''] = target.split('?', 1)
  if (!PLAIN_PATH.test(url)) return []
  return METHODS.filter((method) => app.hasRoute({ method, url }))
}

/** RFC 6749 §5.2. The request id is there when the log has more to say. */
function bodyOf(request: FastifyRequest, { code, message, status }: ErrorAnswer) {
  return { error: code, error_description: message, ...(status >= 500 ? { request_id: request.id } : {}) }
}

async function sendPage(request: FastifyRequest, reply: FastifyReply, what: ErrorAnswer, render: Render) {
  const { status, title, message, advice, code } = what
  const view = {
    title,
    message,
    advice,
    code: what.isForDevelopers ? code : null,
    link: linkOf(what, request.url),
    requestId: status >= 500 ? request.id : null,
  }
  try {
    return await render(reply, 'error', view, { status })
  } catch (error) {
    request.log.error({ err: error }, 'the error page cannot be rendered')
    return reply.type('text/plain; charset=utf-8').send(`${title}\n\n${message}\n`)
  }
}

function linkOf({ leadsTo }: ErrorAnswer, url: string): PageLink | null {
  if (leadsTo === null) return null
  return leadsTo === 'same page' ? { href: url, label: 'Open the page again' } : FRONT_PAGE
}

function log(request: FastifyRequest, error: unknown, { status, code, detail }: ErrorAnswer): void {
  if (status >= 500) request.log.error({ err: error, status }, 'request failed')
  else request.log.info({ status, error: code, detail }, 'request refused')
}
