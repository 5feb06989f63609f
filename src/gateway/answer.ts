// Owns what becomes of an upstream's answer: which ones pass, and what stands in for the others.

import type { IncomingHttpHeaders } from 'node:http'
import { INTERNAL_ERROR, isRecord } from '../mcp/rpc.ts'
import type { RefusalReason } from './refusal.ts'

/** What is known about the call when its answer arrives. */
export interface Expectation {
  /** A request was posted, or a stream asked for: a status alone does not answer that. */
  readonly content: boolean
  /** `server/discover`, by which clients tell the eras apart. */
  readonly probe: boolean
}

export type Verdict =
  /** As it comes. */
  | { readonly kind: 'json' | 'events' }
  /** The status alone. */
  | { readonly kind: 'status'; readonly status: number }
  /** An error in JSON: passes when it turns out to be JSON-RPC, else `instead` is answered. */
  | { readonly kind: 'error'; readonly instead: Substitute }
  | { readonly kind: 'refused'; readonly instead: Substitute }

/** An answer of our own in place of the upstream's. No text of the upstream's is in it, and no address. */
export interface Substitute {
  readonly status: number
  readonly reason: RefusalReason
  readonly code: number
  readonly message: string
}

/** RFC 9110 §15: what is above is no status. */
const LAST_STATUS = 599

type MediaType = 'json' | 'events' | 'none' | 'other'

export const UNREACHABLE = failure(
  502,
  'upstream_unreachable',
  'The upstream server cannot be reached, or broke off.',
)
export const TIMED_OUT = failure(504, 'upstream_timeout', 'The upstream server did not answer in time.')
export const CREDENTIALS = failure(
  502,
  'upstream_credentials',
  "The upstream server refused Gatehouse's credentials.",
)
/** Nothing was refused: what we present could not be had, because of an outage. */
export const LOGIN_LATER = failure(
  503,
  'upstream_credentials',
  'The login at the upstream server cannot be renewed at the moment, because its authorization server does not answer as it should. Nothing is lost: try again later.',
)
const REDIRECT = failure(
  502,
  'upstream_answer',
  'The upstream server answered with a redirect, which is not followed.',
)
export const NOT_MCP = failure(
  502,
  'upstream_answer',
  'The upstream server answered with something that is not MCP.',
)
export const TOO_LARGE = failure(502, 'upstream_answer', 'The answer of the upstream server is too large.')

/**
 * Only JSON and event streams ever reach a client: anything else on this origin could be active content. Nothing is followed
 * or unpacked. A 4xx keeps its status, because clients draw conclusions from it, but for 401: that one is about our
 * credentials, and would send the client to sign in again and again.
 */
export function judge(status: number, headers: IncomingHttpHeaders, expected: Expectation): Verdict {
  if (refusesCredentials(status, headers)) return { kind: 'refused', instead: CREDENTIALS }
  if (status >= 300 && status < 400) return { kind: 'refused', instead: REDIRECT }
  if (isEncoded(headers)) return { kind: 'refused', instead: NOT_MCP }
  const type = mediaType(headers)
  if (status < 300) return judgeSuccess(status, isBodiless(status) ? 'none' : type, expected)
  if (status > LAST_STATUS) return { kind: 'refused', instead: NOT_MCP }
  const instead = substituteFor(status, expected)
  if (type === 'json') return { kind: 'error', instead }
  return expected.content ? { kind: 'refused', instead } : { kind: 'status', status: instead.status }
}

/** The protocol's own error, or a batch of answers: what an upstream may say in its own words. */
export function isRpcAnswer(body: Buffer): boolean {
  try {
    const json: unknown = JSON.parse(body.toString('utf8'))
    const answers: readonly unknown[] = Array.isArray(json) ? json : [json]
    return answers.length > 0 && answers.every((answer) => isRecord(answer) && answer.jsonrpc === '2.0')
  } catch {
    return false
  }
}

/** Of a JSON-RPC error; null when it is none. */
export function errorCode(body: Buffer): number | null {
  try {
    const json: unknown = JSON.parse(body.toString('utf8'))
    const error = isRecord(json) ? json.error : null
    return isRecord(error) && typeof error.code === 'number' ? error.code : null
  } catch {
    return null
  }
}

/** RFC 9110 §§15.3.5 and 15.3.6: whatever their heads announce, a reader that goes by that would wait for it. */
function isBodiless(status: number): boolean {
  return status === 204 || status === 205
}

function judgeSuccess(status: number, type: MediaType, expected: Expectation): Verdict {
  if (type === 'json' || type === 'events') return { kind: type }
  return expected.content ? { kind: 'refused', instead: NOT_MCP } : { kind: 'status', status }
}

function substituteFor(status: number, { probe }: Expectation): Substitute {
  return failure(
    substituteStatus(status, probe),
    'upstream_answer',
    `The upstream server answered with status ${status}.`,
  )
}

export function substituteStatus(status: number, probe: boolean): number {
  // A client that probes takes any 4xx for an old server, but 503 for what "too many requests" means: later.
  if (status === 429 && probe) return 503
  return status < 500 || status === 503 || status === 504 ? status : 502
}

function refusesCredentials(status: number, headers: IncomingHttpHeaders): boolean {
  if (status === 401 || status === 407) return true
  return status === 403 && headers['www-authenticate'] !== undefined
}

function mediaType(headers: IncomingHttpHeaders): MediaType {
  // Undici gives an array when there are several, whatever the type says.
  const value: unknown = headers['content-type']
  if (value === undefined || headers['content-length'] === '0') return 'none'
  if (typeof value !== 'string') return 'other'
  const semicolon = value.indexOf(';')
  const type = (semicolon === -1 ? value : value.slice(0, semicolon)).trim().toLowerCase()
  if (type === 'application/json') return 'json'
  return type === 'text/event-stream' ? 'events' : 'other'
}

function isEncoded(headers: IncomingHttpHeaders): boolean {
  const encoding = headers['content-encoding']
  return encoding !== undefined && encoding !== 'identity'
}

function failure(status: number, reason: RefusalReason, message: string): Substitute {
  return { status, reason, code: INTERNAL_ERROR, message }
}
