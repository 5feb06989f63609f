// Owns the log: JSON lines, which readable-output.ts makes readable, and never a credential in them.

import { type DestinationStream, type Logger, pino } from 'pino'
import { type Output, openOutput } from './output.ts'

export type { Logger }

export interface LoggerOptions {
  readonly level: string
  /** Where lines go; standard output by default. */
  readonly destination?: DestinationStream | undefined
}

/** Members whose values are credentials wherever they turn up in what is logged. */
const CREDENTIALS: ReadonlySet<string> = new Set([
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
])
const CENSORED = '[redacted]'
/** Of what is logged, and of what is inside of it. */
const CENSORED_LEVELS = 3

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

export function createLogger({ level, destination }: LoggerOptions): Logger {
  // Not pino's own `redact`: with as many paths as these it costs more than all the rest of a call through the gateway.
  // It does not see what a child is created with: those are names of ours.
  const log = (members: Members) => censor(members, CENSORED_LEVELS)
  const options = {
    level,
    base: null,
    formatters: { log },
    hooks: { streamWrite: withoutControls },
    serializers: { err: serializeError, error: serializeError },
  }
  const stream = destination ?? openOutput()
  const logger = pino(options, stream)
  streams.set(logger, stream)
  return logger
}

/** What JSON leaves as it is, and terminals take for commands or other programs for the end of a line. */
const CONTROLS = /[\x7f-\x9f\u2028\u2029]/g

function withoutControls(line: string): string {
  return line.replace(CONTROLS, '\ufffd')
}

/** Where each logger writes. */
const streams = new WeakMap<Logger, DestinationStream & Partial<Pick<Output, 'lost'>>>()

/** How many lines standard output had no room for. */
export function linesLost(logger: Logger): number {
  return streams.get(logger)?.lost?.() ?? 0
}

/**
 * Writes lines of one kind at the level of information, as `logger` would, for what comes thousands of times a second: the
 * members are taken as they are. Nothing is censored, so they have to be plain values with names of ours.
 */
export function recordTo(logger: Logger, bindings: Members, msg: string): (members: object) => void {
  const stream = streams.get(logger)
  if (!stream) throw new Error('Not a logger of ours.')
  const head = `{"level":${logger.levels.values.info},"time":`
  const always = JSON.stringify(bindings).slice(1, -1)
  const end = `,"msg":${JSON.stringify(msg)}}\n`
  return (members) => {
    if (!logger.isLevelEnabled('info')) return
    stream.write(`${head}${Date.now()},${always},${JSON.stringify(members).slice(1, -1)}${end}`)
  }
}

type Members = Record<string, unknown>

/** The same object when there is nothing to hide, which is nearly always so. */
function censor(members: Members, levels: number): Members {
  let copy: Members | null = null
  for (const name in members) {
    const given = members[name]
    const shown = CREDENTIALS.has(name) ? CENSORED : censorValue(given, levels - 1)
    if (shown === given || given === undefined) continue
    copy ??= { ...members }
    copy[name] = shown
  }
  return copy ?? members
}

/** An error is left to its serializer, which chooses what is said of it. */
function censorValue(value: unknown, levels: number): unknown {
  if (levels === 0 || value instanceof Error) return value
  if (Array.isArray(value)) return value.map((each) => censorValue(each, levels - 1))
  return isMembers(value) ? censor(value, levels) : value
}

function isMembers(value: unknown): value is Members {
  return typeof value === 'object' && value !== null
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
