// Owns the walk of a call: the steps from a request to its answer, in order.

import type { IncomingMessage, ServerResponse } from 'node:http'
import { hasBatches, isModern } from '../mcp/era.ts'
import { INTERNAL_ERROR, INVALID_REQUEST } from '../mcp/rpc.ts'
import type { Place, Registry } from '../upstreams/registry.ts'
import type { Answering } from './answering.ts'
import type { Authorize } from './authorize.ts'
import type { Bearer } from './bearer.ts'
import { readBody } from './body.ts'
import type { CallMethod } from './call.ts'
import type { Visit } from './call-event.ts'
import type { Admission } from './limits/admission.ts'
import type { Limits } from './limits.ts'
import { type RpcMessage, readMessages, requestIds } from './message.ts'
import { checkMirroredHeaders } from './mirrored-headers.ts'
import { isPreflight, type Origins, preflightHeaders } from './origin.ts'
import type { Outcome } from './outcome.ts'
import { malformed, type Refusal, rpcRefusal } from './refusal.ts'
import { refuseRepeated, repeatedHeaders } from './repeated-headers.ts'
import { findPlace, refuseTokenInQuery } from './target.ts'

export interface WalkNeeds {
  readonly registry: Registry
  readonly origins: Origins
  readonly bearer: Bearer
  readonly authorize: Authorize
  readonly admission: Admission
  readonly limits: Limits
  readonly isDraining: () => boolean
  /** What is left to do once a call may be made. */
  readonly answer: Answering
}

/** A visit while its steps are taken. */
export type Progress = { -readonly [Fact in keyof Visit]: Visit[Fact] } & { cors: readonly string[] }

/**
 * Each step returns what it found, or throws the refusal that ends the walk. Null: nobody called anything. A step that has
 * its answer at once is not awaited: the turn that this takes is a good part of what a step costs.
 */
export type Walk = (req: IncomingMessage, res: ServerResponse, visit: Progress) => Promise<Outcome | null>

const RETRY_AFTER_SECONDS = 5

export function createWalk(needs: WalkNeeds): Walk {
  const { registry, origins, bearer, authorize, admission, limits, isDraining, answer } = needs

  return async (req, res, visit) => {
    const repeated = repeatedHeaders(req)
    refuseRepeated(repeated)
    visit.cors = origins.admit(req)
    const place = findPlace(registry, req.url)
    if (isPreflight(req)) return allowPreflight(req, res, visit.cors)
    visit.upstreams = namesAt(place)
    refuseTokenInQuery(req.url)
    const admitted = bearer.authenticate(req, place.resource)
    const { caller, contentDigest } = admitted instanceof Promise ? await admitted : admitted
    visit.caller = caller
    if (isDraining()) throw draining()
    const version = versionOf(req)
    const modern = isModern(version)
    const method = callMethod(req, modern)
    const body = method === 'POST' ? await readBody(req, maxBodyOf(place, limits)) : null
    bearer.checkContent(body, contentDigest, place.resource)
    const messages = readCalls(body, version, limits)
    visit.messages = messages
    checkMirroredHeaders(req.headers, repeated, messages)
    if (modern) refuseResponses(messages)
    const deciding = authorize({ caller, place, messages, body }, visit)
    if (deciding !== null) await deciding
    const ids = requestIds(messages)
    const { cors } = visit
    const call = { req, res, cors, place, caller, method, modern, body, messages, ids, session: null }
    const passing = admission.enter(call)
    try {
      return await answer(call)
    } finally {
      admission.leave(call, passing)
    }
  }
}

/** What several are asked for is only known from the body. */
function namesAt(place: Place): readonly string[] {
  return place.kind === 'upstream' ? [place.upstream.name] : []
}

function allowPreflight(req: IncomingMessage, res: ServerResponse, cors: readonly string[]): null {
  res.writeHead(204, [...preflightHeaders(req, cors)]).end()
  return null
}

function versionOf({ headers }: IncomingMessage): string | undefined {
  const version = headers['mcp-protocol-version']
  return typeof version === 'string' ? version : undefined
}

/** MCP 2026-07-28, "Earlier Streamable HTTP Revisions": GET and DELETE belong to sessions, which that era has not. */
function callMethod({ method }: IncomingMessage, modern: boolean): CallMethod {
  if (method === 'POST') return method
  if (!modern && (method === 'GET' || method === 'DELETE')) return method
  throw rpcRefusal({
    status: 405,
    reason: 'method',
    code: INVALID_REQUEST,
    message: 'This method is not allowed here.',
    headers: ['allow', modern ? 'POST' : 'GET, POST, DELETE'],
  })
}

function maxBodyOf(place: Place, { maxBodyBytes }: Limits): number {
  return (place.kind === 'upstream' ? place.upstream.limits.maxBodyBytes : null) ?? maxBodyBytes
}

function readCalls(body: Buffer | null, version: string | undefined, limits: Limits): readonly RpcMessage[] {
  return body === null ? [] : readMessages(body, hasBatches(version), limits)
}

/** MCP 2026-07-28, "Sending Messages": a client answers nothing, it asks again. */
function refuseResponses(messages: readonly RpcMessage[]): void {
  for (const { kind } of messages) if (kind === 'response') throw malformed('Responses cannot be posted.')
}

function draining(): Refusal {
  return rpcRefusal({
    status: 503,
    reason: 'draining',
    code: INTERNAL_ERROR,
    message: 'This service is being stopped. Try again.',
    headers: ['retry-after', String(RETRY_AFTER_SECONDS)],
  })
}
