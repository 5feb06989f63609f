// Owns the table of what somebody outside learns of an error.

import t from 'tap'
import { errorAnswer } from '../../src/http/error-answer.ts'
import { OAuthError } from '../../src/oauth/errors.ts'

const OUTAGE = new Error('connect ECONNREFUSED 10.0.0.5:5432')
const isOutage = (error: unknown) => error === OUTAGE

function fastifyError(code: string, statusCode: number) {
  return Object.assign(new Error('Body of <script> is bad'), { code, statusCode })
}

t.test('each error has one answer', (t) => {
  const table = [
    [new OAuthError('invalid_scope', 'unknown scope'), 400, 'invalid_scope', null],
    [new OAuthError('temporarily_unavailable', 'later', { status: 503 }), 503, 'temporarily_unavailable', 5],
    [fastifyError('FST_ERR_CTP_BODY_TOO_LARGE', 413), 413, 'invalid_request', null],
    [fastifyError('FST_ERR_CTP_INVALID_MEDIA_TYPE', 415), 415, 'invalid_request', null],
    [fastifyError('FST_ERR_CTP_INVALID_JSON_BODY', 400), 400, 'invalid_request', null],
    [fastifyError('FST_CSRF_INVALID_TOKEN', 403), 403, 'invalid_request', null],
    [fastifyError('FST_ERR_FAILED_ERROR_SERIALIZATION', 500), 500, 'server_error', null],
    // A library's idea of a status is not ours: only Fastify's own refusals and OAuth errors may speak.
    [Object.assign(new Error('no such row'), { statusCode: 404 }), 500, 'server_error', null],
    [OUTAGE, 503, 'temporarily_unavailable', 5],
    [new TypeError('undefined is not a function'), 500, 'server_error', null],
    ['a string', 500, 'server_error', null],
    [undefined, 500, 'server_error', null],
  ] as const
  for (const [error, status, code, retryAfterSeconds] of table) {
    const answer = errorAnswer(error, isOutage)
    t.match(answer, { status, code, retryAfterSeconds }, String(error))
    t.notMatch(`${answer.title} ${answer.message} ${answer.advice}`, /script|ECONNREFUSED|5432|undefined/)
  }
  t.end()
})

t.test('an OAuth error says its description outside and its detail to the log only', (t) => {
  const answer = errorAnswer(
    new OAuthError('invalid_grant', 'for the client', { detail: 'for the log' }),
    isOutage,
  )
  t.match(answer, { message: 'for the client', detail: 'for the log', isForDevelopers: true })
  t.end()
})
