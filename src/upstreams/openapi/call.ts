// Owns a call of a tool as a request to an HTTP API: what is presented, what is sent, and what its answer comes to.

import { readBytes, UnreadableAnswer } from '../../http/answer-body.ts'
import type { AnswerBudget } from '../../http/answer-budget.ts'
import type { Connections } from '../../http/connections.ts'
import { rounded } from '../../mcp/exact-json.ts'
import { type PeerAnswer, PeerFailure, type PeerRequest, type Visitor } from '../../mcp/peer.ts'
import { INVALID_PARAMS, isRecord, type Members } from '../../mcp/rpc.ts'
import { wantedScope } from '../../oauth/wanted-scope.ts'
import type { Credential, CredentialFor } from '../credentials.ts'
import { peerFailure } from '../legacy/http-answer.ts'
import { headersFor } from '../legacy/http-headers.ts'
import { send } from '../presenting.ts'
import { repeated } from '../repeating.ts'
import type { OpenApiUpstream } from '../settings.ts'
import { ArgumentProblem } from './argument.ts'
import type { CheckArguments } from './checked-arguments.ts'
import type { Api } from './load.ts'
import type { Operation } from './operation.ts'
import { type Outgoing, outgoing } from './outgoing.ts'
import { failed, toolResult } from './result.ts'

export interface CallNeeds {
  readonly upstream: OpenApiUpstream
  readonly connections: Connections
  readonly credentialFor: CredentialFor
  readonly check: CheckArguments
  /** Of an answer. */
  readonly maxBytes: number
  /** Of all answers together. */
  readonly budget?: AnswerBudget | undefined
}

const ACCEPT = 'application/json, text/*;q=0.9, */*;q=0.5'
/** RFC 9110 §9.2.1. */
const SAFE: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS'])

/** Rejects with a `PeerFailure` when the API has no answer; what it answers, whatever that is, is a result. */
export async function call(
  needs: CallNeeds,
  { byName, base }: Api,
  { caller, trace }: Visitor,
  { params }: PeerRequest,
  signal: AbortSignal,
): Promise<PeerAnswer> {
  const { name, arguments: given = {} } = params
  const operation = typeof name === 'string' ? byName.get(name) : undefined
  if (!operation) return invalid('There is no such tool.')
  if (!isRecord(given)) return invalid('The arguments are not an object.')
  const request = prepared(operation, given, base, needs.check)
  if (request instanceof ArgumentProblem)
    return { kind: 'result', result: failed(request.message), unasked: true }
  const { upstream, credentialFor } = needs
  const headers = headersOf(upstream, request, trace)
  const credential = await credentialFor(caller, upstream)
  const presented = headersFor(headers, credential, ownHeaders(request))
  const answer = await exchange(needs, operation, request, { headers: presented, credential, signal })
  // A login of the person's, which can be renewed. What an operator configured cannot, and the result says so.
  if (answer.status === 401 && credential.kind === 'header') throw new PeerFailure('credentials')
  if (answer.wantsScope !== null && upstream.auth?.type === 'oauth2')
    throw new PeerFailure('credentials', { wantsScope: answer.wantsScope })
  return { kind: 'result', result: answer.result }
}

function invalid(message: string): PeerAnswer {
  return { kind: 'error', error: { code: INVALID_PARAMS, message }, unasked: true }
}

function prepared(
  operation: Operation,
  given: Members,
  base: string,
  check: CheckArguments,
): Outgoing | ArgumentProblem {
  try {
    const request = outgoing(operation, given, base)
    const problem = check(operation, comparable(given))
    return problem === null ? request : new ArgumentProblem(problem)
  } catch (problem) {
    if (problem instanceof ArgumentProblem) return problem
    throw problem
  }
}

/** Schemas speak of numbers. */
function comparable(given: Members): Members {
  const numbers = rounded(given)
  return isRecord(numbers) ? numbers : given
}

/** What an operator configured wins over what a caller says. */
function headersOf(
  { headers }: OpenApiUpstream,
  request: Outgoing,
  trace: Visitor['trace'],
): Record<string, string> {
  const cookie = [...(headers.cookie ? [headers.cookie] : []), ...request.cookies].join('; ')
  return { ...trace, ...request.headers, ...headers, ...(cookie !== '' && { cookie }) }
}

function ownHeaders({ contentType }: Outgoing): Record<string, string> {
  return { accept: ACCEPT, ...(contentType !== null && { 'content-type': contentType }) }
}

interface Presented {
  readonly headers: Record<string, string>
  readonly credential: Credential
  readonly signal: AbortSignal
}

async function exchange(
  { connections, maxBytes, budget }: CallNeeds,
  { name, method }: Operation,
  { url, body }: Outgoing,
  { headers, credential, signal }: Presented,
): Promise<Answered> {
  try {
    const request = { method, url, headers, body, signal }
    const how = SAFE.has(method) ? 'always' : 'unsent'
    const answer = await repeated(how, signal, () => send(connections, request, credential))
    if ((answer.headers['content-encoding'] ?? 'identity') !== 'identity') {
      answer.body.destroy()
      return unread('The API answered in an encoding that was not asked for.')
    }
    const { status } = answer
    const wantsScope = wantedScope(status, answer.headers['www-authenticate'])
    return {
      status,
      wantsScope,
      result: toolResult({ ...answer, body: await readBytes(answer.body, maxBytes, { budget }) }, name),
    }
  } catch (problem) {
    signal.throwIfAborted()
    if (problem instanceof UnreadableAnswer)
      return unread(`The answer of the API has more than ${maxBytes} bytes.`)
    throw peerFailure(problem)
  }
}

interface Answered {
  /** 0 for an answer that was not read. */
  readonly status: number
  /** What the login of the person lacks. */
  readonly wantsScope: string | null
  readonly result: Members
}

function unread(why: string): Answered {
  return { status: 0, wantsScope: null, result: failed(why) }
}
