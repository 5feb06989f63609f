// Owns the log: JSON lines for machines, readable lines in a terminal, and never a credential in either.

import { type DestinationStream, type Logger, pino } from 'pino'
import pretty from 'pino-pretty'

export type { Logger }

export interface LoggerOptions {
  readonly level: string
  /** Where lines go; standard output by default. */
  readonly destination?: DestinationStream
  /** Readable lines instead of JSON. */
  readonly readable?: boolean
}

/** Paths whose values are credentials wherever they turn up in what is logged. */
const CREDENTIALS = [
  'authorization',
  'cookie',
  'password',
  'access_token',
  'refresh_token',
  'id_token',
  'code',
  'code_verifier',
  'client_secret',
  'client_assertion',
  'token',
  'secret',
  'dpop',
  'setCookie',
]

/** Query parameters that may be logged; the value of any other is replaced. */
const HARMLESS_PARAMETERS: ReadonlySet<string> = new Set([
  'client_id',
  'response_type',
  'scope',
  'resource',
  'prompt',
  'code_challenge_method',
  'error',
  'iss',
])

export function createLogger({ level, destination, readable = false }: LoggerOptions): Logger {
  const options = {
    level,
    base: null,
    redact: {
      paths: CREDENTIALS.flatMap((name) => [name, `*.${name}`, `*.*.${name}`]),
      censor: '[redacted]',
    },
    serializers: { err: serializeError, error: serializeError },
  }
  if (!readable) return destination ? pino(options, destination) : pino(options)
  const lines = { ignore: 'reqId', translateTime: 'SYS:HH:MM:ss', singleLine: true, sync: true }
  return pino(options, pretty(destination ? { ...lines, destination } : lines))
}

/** The path, and of the query only what cannot be a credential. */
export function redactUrl(url: string): string {
  const mark = url.indexOf('?')
  if (mark === -1) return url
  const shown = [...new URLSearchParams(url.slice(mark + 1))].map(
    ([name, value]) =>
      `${encodeURIComponent(name)}=${HARMLESS_PARAMETERS.has(name) ? encodeURIComponent(value) : '…'}`,
  )
  return `${url.slice(0, mark)}?${shown.join('&')}`
}

/** The cause is followed, because the error at the top usually says only what was attempted. */
function serializeError(error: unknown): unknown {
  if (!(error instanceof Error)) return String(error)
  const { cause, message, name, stack } = error
  const code = 'code' in error && typeof error.code === 'string' ? { code: error.code } : {}
  const detail = 'detail' in error && typeof error.detail === 'string' ? { detail: error.detail } : {}
  return {
    name,
    message,
    ...code,
    ...detail,
    stack,
    ...(cause === undefined ? {} : { cause: serializeError(cause) }),
  }
}
