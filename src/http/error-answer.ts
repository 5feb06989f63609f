// Owns the decision what somebody outside may learn of an error.

import { OAuthError } from '../oauth/errors.ts'

export interface ErrorAnswer {
  readonly status: number
  /** An error code in the manner of RFC 6749 §5.2. */
  readonly code: string
  readonly title: string
  readonly message: string
  /** What a person can do. */
  readonly advice: string | null
  /** The code helps whoever wrote the client, so a page shows it too. */
  readonly isForDevelopers: boolean
  /** Where a page's link leads: the front page, or this address again, when the form came from a page that is out of date. */
  readonly leadsTo: 'front page' | 'same page' | null
  readonly retryAfterSeconds: number | null
  /** For the log only. */
  readonly detail: string | undefined
}

const OUTAGE_RETRY_SECONDS = 5

const REFUSED: ErrorAnswer = {
  status: 400,
  code: 'invalid_request',
  title: 'That did not work',
  message: 'The request cannot be understood.',
  advice: 'Go back to the app you came from and start again.',
  isForDevelopers: false,
  leadsTo: null,
  retryAfterSeconds: null,
  detail: undefined,
}

export const NOT_FOUND: ErrorAnswer = {
  ...REFUSED,
  status: 404,
  code: 'not_found',
  title: 'Nothing here',
  message: 'There is nothing at this address.',
  advice: 'Check the address, or start from the front page.',
  leadsTo: 'front page',
}

/** RFC 9110 §15.5.6 */
export function wrongMethod(method: string, allowed: readonly string[]): ErrorAnswer {
  const others = allowed.filter((each) => each !== 'OPTIONS')
  return {
    ...REFUSED,
    status: 405,
    title: 'Nothing to see here',
    message: `This address answers ${others.join(' and ')}, not ${method}.`,
    advice: 'It is for programs, or for a form. Start from the front page.',
    leadsTo: 'front page',
  }
}

const OUT_OF_DATE_FORM: ErrorAnswer = {
  ...REFUSED,
  status: 403,
  code: 'invalid_request',
  title: 'This page is out of date',
  message:
    'For your safety the form was not accepted: it did not come from a page that this browser opened recently.',
  advice: 'Nothing was changed and nothing is lost. Open the page again and repeat what you did.',
  leadsTo: 'same page',
}

const OUTAGE: ErrorAnswer = {
  ...REFUSED,
  status: 503,
  code: 'temporarily_unavailable',
  title: 'Back in a moment',
  message: 'Something this service depends on does not answer right now.',
  advice: 'Wait a few seconds and reload the page.',
  retryAfterSeconds: OUTAGE_RETRY_SECONDS,
}

const FAULT: ErrorAnswer = {
  ...REFUSED,
  status: 500,
  code: 'server_error',
  title: 'Something went wrong',
  message: 'This is a fault of this service.',
  advice: 'Try again. If it happens once more, tell whoever runs this service the number below.',
}

/** What Fastify itself refuses before a route sees it; its own texts may repeat what was sent. */
const REFUSALS: Readonly<Record<number, Partial<ErrorAnswer>>> = {
  404: NOT_FOUND,
  413: { message: 'The request is too large.' },
  415: { message: 'The content type of the request is not supported.' },
  429: {
    code: 'temporarily_unavailable',
    title: 'Too many requests',
    message: 'Too many requests. Try again later.',
  },
}

/** Pure. Anything that is neither an OAuth error, a refusal of Fastify's, nor an outage is a bug and says nothing. */
export function errorAnswer(error: unknown, isOutage: (error: unknown) => boolean): ErrorAnswer {
  if (error instanceof OAuthError) return oauthAnswer(error)
  const { code, statusCode } = fastifyError(error)
  if (code.startsWith('FST_CSRF_')) return { ...OUT_OF_DATE_FORM, detail: code }
  if (code.startsWith('FST_') && statusCode >= 400 && statusCode < 500) {
    return { ...REFUSED, ...REFUSALS[statusCode], status: statusCode, detail: code }
  }
  return isOutage(error) ? OUTAGE : FAULT
}

function oauthAnswer({ error, description, status, detail }: OAuthError): ErrorAnswer {
  const retryAfterSeconds = status === 503 ? OUTAGE_RETRY_SECONDS : null
  return {
    ...REFUSED,
    status,
    code: error,
    message: description,
    isForDevelopers: true,
    retryAfterSeconds,
    detail,
  }
}

function fastifyError(error: unknown): { code: string; statusCode: number } {
  if (!(error instanceof Error)) return { code: '', statusCode: 500 }
  const code = 'code' in error && typeof error.code === 'string' ? error.code : ''
  const statusCode = 'statusCode' in error && typeof error.statusCode === 'number' ? error.statusCode : 500
  return { code, statusCode }
}
