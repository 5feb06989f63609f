// Owns the questions of an upstream (MCP 2026-07-28, basic/patterns/mrtr.mdx) in the words of a legacy client: pure.

import { randomUUID } from 'node:crypto'
import {
  INTERNAL_ERROR,
  isRecord,
  LEGACY_URL_ELICITATION_REQUIRED,
  type Members,
  type RpcError,
} from '../../../mcp/rpc.ts'
import type { LegacyRevision, LegacySession } from './handle.ts'

export interface Question {
  /** By which the upstream knows it. */
  readonly key: string
  readonly method: string
  readonly params: Members
}

export type Told = { readonly result: Members } | { readonly error: Members }

export type Questions =
  | { readonly kind: 'questions'; readonly questions: readonly Question[] }
  /** What the client gets instead of being asked. */
  | { readonly kind: 'error'; readonly error: RpcError }

export type InputResponses =
  | { readonly kind: 'responses'; readonly responses: Members }
  | { readonly kind: 'error'; readonly error: RpcError }

type Client = Pick<LegacySession, 'capabilities' | 'version'>

const ELICITATION = 'elicitation/create'
const SAMPLING = 'sampling/createMessage'
const ROOTS = 'roots/list'
/** The revision that has URL mode, its error, and a name for the form mode. */
export const WITH_URL_MODE: LegacyRevision = '2025-11-25'
const MAX_QUESTIONS = 32
const MAX_ERROR_LENGTH = 500

/** All of them or none: an upstream gets the answers to a round together. */
export function questionsFor(inputRequests: unknown, client: Client): Questions {
  const entries = isRecord(inputRequests) ? Object.entries(inputRequests) : []
  if (entries.length > MAX_QUESTIONS) return failed('The upstream server asks too much at once.')
  const questions = entries.flatMap(([key, request]) => readQuestion(key, request))
  if (questions.length < entries.length) return failed('The upstream server asks something that is not MCP.')
  const impossible = questions.filter((question) => !canAnswer(question, client))
  if (impossible.length === 0) {
    return { kind: 'questions', questions: questions.map((question) => inWordsOf(client.version, question)) }
  }
  if (impossible.every(isUrlMode)) return { kind: 'error', error: urlsRequired(impossible, client.version) }
  const methods = [...new Set(impossible.map(({ method }) => method))].join(', ')
  return failed(`The upstream server asks for something that this client has not declared: ${methods}.`)
}

/** Links to open before the call is made again. Null when it is not links alone that are asked for. */
export function linksRequired(inputRequests: unknown): RpcError | null {
  const entries = isRecord(inputRequests) ? Object.entries(inputRequests) : []
  const questions = entries.flatMap(([key, request]) => readQuestion(key, request))
  const areLinks = questions.length > 0 && questions.length === entries.length && questions.every(isUrlMode)
  return areLinks ? urlsRequired(questions, WITH_URL_MODE) : null
}

/** There is no place for an error among the responses, so what has no other word for it fails the call. */
export function inputResponses(questions: readonly Question[], told: readonly Told[]): InputResponses {
  const responses: Record<string, unknown> = {}
  for (const [index, { key, method }] of questions.entries()) {
    const answer = told[index]
    if (answer === undefined) continue
    if ('result' in answer) responses[key] = answer.result
    // MCP 2025-11-25, Elicitation, "Response Actions": dismissed without a choice.
    else if (method === ELICITATION) responses[key] = { action: 'cancel' }
    else return failed(`The client answered ${method} with an error: ${textOf(answer.error)}`)
  }
  return { kind: 'responses', responses }
}

function readQuestion(key: string, request: unknown): Question[] {
  if (!isRecord(request)) return []
  const { method, params = {} } = request
  if (method !== ELICITATION && method !== SAMPLING && method !== ROOTS) return []
  return isRecord(params) ? [{ key, method, params }] : []
}

function canAnswer(question: Question, { capabilities, version }: Client): boolean {
  const { elicitation, sampling, roots } = capabilities
  if (question.method === SAMPLING)
    return isRecord(sampling) && (!needsTools(question) || isRecord(sampling.tools))
  if (question.method === ROOTS) return isRecord(roots)
  if (!isRecord(elicitation)) return false
  if (isUrlMode(question)) return version === WITH_URL_MODE && isRecord(elicitation.url)
  // "Capabilities": nothing said is the form mode.
  return isRecord(elicitation.form) || !isRecord(elicitation.url)
}

/** MCP 2025-11-25, Sampling, "Capabilities". */
function needsTools({ params }: Question): boolean {
  return 'tools' in params || 'toolChoice' in params
}

export function isUrlMode({ method, params }: Question): boolean {
  return method === ELICITATION && params.mode === 'url'
}

/** `elicitationId` is gone in the modern era, and `mode` had not come yet in the first one with elicitation. */
function inWordsOf(version: LegacyRevision, question: Question): Question {
  if (isUrlMode(question)) {
    return { ...question, params: { ...question.params, elicitationId: randomUUID() } }
  }
  if (question.method !== ELICITATION || version === WITH_URL_MODE) return question
  const { mode: _, ...params } = question.params
  return { ...question, params }
}

/** MCP 2025-11-25, "URL Elicitation Required Error". For the revisions before it, the text alone has to do. */
function urlsRequired(questions: readonly Question[], version: LegacyRevision): RpcError {
  const links = questions.map(({ params: { message, url } }) => `${String(message)} ${String(url)}`)
  const message = `This request requires more information. Open the link, then make the request again. ${links.join(' ')}`
  if (version !== WITH_URL_MODE) return { code: INTERNAL_ERROR, message }
  const elicitations = questions.map(({ params }) => ({ ...params, elicitationId: randomUUID() }))
  return { code: LEGACY_URL_ELICITATION_REQUIRED, message, data: { elicitations } }
}

function failed(message: string): { readonly kind: 'error'; readonly error: RpcError } {
  return { kind: 'error', error: { code: INTERNAL_ERROR, message } }
}

function textOf({ message }: Members): string {
  return typeof message === 'string' ? message.slice(0, MAX_ERROR_LENGTH) : 'it did not say which.'
}
