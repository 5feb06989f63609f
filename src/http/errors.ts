// Owns the answer to everything that goes wrong: an OAuth error, a page for a person, or a request id. Never a stack.

import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { wantsPage } from './accept.ts'
import { type ErrorAnswer, errorAnswer, NOT_FOUND } from './error-answer.ts'
import type { Render } from './views.ts'

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

  app.setNotFoundHandler((request, reply) => answer(request, reply, NOT_FOUND))
  app.setErrorHandler((error, request, reply) => {
    const what = errorAnswer(error, isOutage)
    log(request, error, what)
    return answer(request, reply, what)
  })
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
    link: what.offersReopening ? { href: request.url, label: 'Open the page again' } : null,
    requestId: status >= 500 ? request.id : null,
  }
  try {
    return await render(reply, 'error', view, { status })
  } catch (error) {
    request.log.error({ err: error }, 'the error page cannot be rendered')
    return reply.type('text/plain; charset=utf-8').send(`${title}\n\n${message}\n`)
  }
}

function log(request: FastifyRequest, error: unknown, { status, code, detail }: ErrorAnswer): void {
  if (status >= 500) request.log.error({ err: error, status }, 'request failed')
  else request.log.info({ status, error: code, detail }, 'request refused')
}
