// Owns the gateway: the steps from a request to its upstream, in order.

import type { IncomingMessage, ServerResponse } from 'node:http'
import { createClientAddress } from '../http/client-address.ts'
import { hasBatches, isModern } from '../mcp/era.ts'
import { createLocalMailbox, type Mailbox } from '../mcp/mailbox.ts'
import { INTERNAL_ERROR, INVALID_REQUEST } from '../mcp/rpc.ts'
import type { Caller } from '../oauth/caller.ts'
import type { Policy } from '../oauth/policy.ts'
import type { Tools } from '../oauth/tool.ts'
import type { AskForLogin, Credential, CredentialFor, CredentialRefused } from '../upstreams/credentials.ts'
import type { Guards } from '../upstreams/guards.ts'
import type { Links } from '../upstreams/links.ts'
import type { Place, Registry, Upstream } from '../upstreams/registry.ts'
import type { KeySource } from './access-token.ts'
import { createAggregate } from './aggregate/aggregate.ts'
import { createAuthorize } from './authorize.ts'
import { type ApiKeySource, createBearer } from './bearer.ts'
import { canSkipBody, readBody } from './body.ts'
import { createBridge } from './bridge/bridge.ts'
import { createLocalSessionStore, type SessionStore } from './bridge/legacy/session-store.ts'
import { answerFromMemory } from './cache/answer.ts'
import { createAnswerCache, type Lookup } from './cache/answer-cache.ts'
import { watchedPeer } from './cache/watched-peer.ts'
import { type Call, type CallMethod, isListening, type UpstreamCall } from './call.ts'
import { type CallEvent, callEvent, type Visit } from './call-event.ts'
import type { DpopNeeds } from './dpop.ts'
import { createForwarder } from './forward.ts'
import { type AdmissionNeeds, createAdmission } from './limits/admission.ts'
import { DEFAULT_LIMITS, type Limits } from './limits.ts'
import { askInSession, isInPassingSession } from './login-in-session.ts'
import { createLogins } from './logins.ts'
import { type RpcMessage, readMessages, requestIds } from './message.ts'
import { type ResourceMetadata, resourceMetadata } from './metadata.ts'
import { checkMirroredHeaders } from './mirrored-headers.ts'
import { createOrigins, isPreflight, preflightHeaders } from './origin.ts'
import { CLIENT_LEFT, detailOf, type Outcome } from './outcome.ts'
import { listRewrite } from './policy/list-rewrite.ts'
import { policedPeer } from './policy/policed-peer.ts'
import { malformed, Refusal, rpcRefusal, writeRefusal } from './refusal.ts'
import { refuseRepeated, repeatedHeaders } from './repeated-headers.ts'
import type { Revocations } from './revocations.ts'
import { openSession, type Sealer, type Session } from './session.ts'
import { findPlace, refuseTokenInQuery } from './target.ts'
import { createVisits } from './visits.ts'

export interface GatewayNeeds {
  /** Of the access tokens; its origin is ours. */
  readonly issuer: string
  readonly registry: Registry
  readonly keys: KeySource
  readonly revocations: Revocations
  readonly apiKeys: ApiKeySource
  /** Remembers the proofs of tokens that are bound to a key, for all replicas; see dpop.ts. */
  readonly claimProof?: DpopNeeds['claimProof']
  readonly credentialFor: CredentialFor
  /** See credentials.ts; without it nothing is worth a second try. */
  readonly credentialRefused?: CredentialRefused
  /** The same; without it a login that does not reach far enough is an error. */
  readonly askForLogin?: AskForLogin
  readonly links: Links
  /** Beyond what people agreed to; see policy/. None: the scopes are all that counts. */
  readonly policy?: Policy | null
  /** How much may be kept of answers that upstreams let be kept; none without it. */
  readonly answerCacheBytes?: number
  /** Those that the links' peers ask too. */
  readonly guards: Guards
  /** How much one person, and one client, may do; as much as they like when it is not said. */
  readonly allowances?: Omit<AdmissionNeeds, 'clock'>
  /** The tools of an upstream; asked anew when `asked` names one that is not known. None when in doubt. */
  readonly toolsOf: (upstream: Upstream, asked: readonly string[], caller: Caller) => Promise<Tools>
  /** Told when a client of this grant is about to learn that it needs more scope. */
  readonly onStepUp?: (grantId: string) => void
  readonly sessions: Sealer
  /** To the other replicas; without it there are none. */
  readonly mailbox?: Mailbox
  /** What is remembered of bridged legacy sessions; in memory alone without it. */
  readonly sessionStore?: SessionStore
  /** The email address of the person that a caller is; null for a machine. */
  readonly emailOf?: (caller: Caller) => Promise<string | null>
  readonly audit: (event: CallEvent) => void
  /** A bug or an outage, for the log. */
  readonly report: (error: unknown) => void
  /** Of every answer, as flat pairs. */
  readonly answerHeaders?: readonly string[]
  /** Whose a request is, for the audit; of the connection without it. */
  readonly addressOf?: (req: IncomingMessage) => string
  /** Of web pages that may call, beside our own origin and this machine's. */
  readonly allowedOrigins: readonly string[]
  readonly limits?: Partial<Limits>
  /** Milliseconds since the epoch. */
  readonly clock?: () => number
}

export interface Gateway {
  /** Answers a request to `/mcp` or below. The body must not have been touched. */
  handle(req: IncomingMessage, res: ServerResponse): void
  /** The protected resource metadata at this path, or null. */
  metadata(path: string): ResourceMetadata | null
  /** Refuses new calls, ends what only listens, waits for the rest, and breaks off what is left after `graceMs`. */
  close(graceMs: number): Promise<void>
  /** From the moment that `close` was called. */
  isDraining(): boolean
  openStreams(): number
}

/** A visit while its steps are taken. */
type Progress = { -readonly [Fact in keyof Visit]: Visit[Fact] } & { cors: readonly string[] }

const RETRY_AFTER_SECONDS = 5

export function createGateway(needs: GatewayNeeds): Gateway {
  const { issuer, registry, audit, report, sessions, policy = null } = needs
  const limits = { ...DEFAULT_LIMITS, ...needs.limits }
  const clock = needs.clock ?? Date.now
  const addressOf = needs.addressOf ?? createClientAddress(false)
  const origins = createOrigins(issuer, needs.allowedOrigins, needs.answerHeaders)
  const bearer = createBearer({ ...needs, clock })
  const { contradict } = needs.links
  const forwarder = createForwarder({ ...needs, contradict, sealer: sessions, limits, clock })
  const admission = createAdmission({ ...needs.allowances, clock })
  const mailbox = needs.mailbox ?? createLocalMailbox()
  const bridge = createBridge({
    sessionStore: createLocalSessionStore(),
    ...needs,
    mailbox,
    limits,
    clock,
  })
  const logins = createLogins({ ...needs, clock })
  const visits = createVisits()
  registry.onReplace(forwarder.retire)
  const cache = createAnswerCache({ registry, mailbox, report, clock, bytes: needs.answerCacheBytes ?? 0 })
  const peerOf = (upstream: Upstream) => {
    const peer = watchedPeer(needs.links.peerOf(upstream), (topic) => cache.drop(upstream, topic))
    return policedPeer(peer, upstream, { ...needs, policy })
  }
  const aggregate = createAggregate({ ...needs, policy, peerOf, limits, clock })
  const authorize = createAuthorize({ ...needs, policy, aggregate, limits })
  let closing = false

  /** The walk of every call. Each step returns what it found, or throws the refusal that ends the walk. */
  async function walk(req: IncomingMessage, res: ServerResponse, visit: Progress): Promise<Outcome | null> {
    const url = req.url ?? ''
    const repeated = repeatedHeaders(req)
    refuseRepeated(repeated)
    visit.cors = origins.admit(req)
    const place = findPlace(registry, url)
    if (isPreflight(req)) return allowPreflight(req, res, visit.cors)
    if (place.kind === 'upstream') visit.upstreams = [place.upstream.name]
    refuseTokenInQuery(url)
    const { caller, contentDigest } = await bearer.authenticate(req, place.resource)
    visit.caller = caller
    if (closing) throw draining()
    const modern = isModern(versionOf(req))
    const method = callMethod(req, modern)
    const body = method === 'POST' ? await readBody(req, maxBodyOf(place)) : null
    bearer.checkContent(body, contentDigest, place.resource)
    const messages = body === null ? [] : readMessages(body, hasBatches(versionOf(req)), limits)
    visit.messages = messages
    checkMirroredHeaders(req.headers, repeated, messages)
    if (modern) refuseResponses(messages)
    await authorize({ caller, place, messages, body }, (concern) => void Object.assign(visit, concern))
    const ids = requestIds(messages)
    const { cors } = visit
    const call = { req, res, cors, place, caller, method, modern, body, messages, ids, session: null }
    return admission.during(call, answer)
  }

  /** Bytes pass where both sides speak the same era; the bridge speaks for whoever does not. */
  function answer(call: Call): Promise<Outcome> {
    const { place } = call
    if (place.kind === 'aggregate') return bridge.serve(call, aggregate.peerOf(place))
    return answerOne({ ...call, place })
  }

  async function answerOne(call: UpstreamCall): Promise<Outcome> {
    const { caller, modern, place } = call
    const { upstream } = place
    const lookup = cache.lookUp(call)
    if (lookup?.found) return answerFromMemory(call, lookup.found)
    const passes = await needs.links.passes(upstream, modern ? 'modern' : 'legacy', caller)
    if (!passes || logins.isUnderWay(call)) return bridge.serve(call, peerOf(upstream))
    const credential = await logins.credentialFor(call)
    if (credential !== null) return pass(call, credential, lookup)
    if (isInPassingSession(call, sessions)) throw await askInSession(call, null, needs)
    return bridge.serve(call, peerOf(upstream))
  }

  /** As it is, and once more when what was presented could be renewed. */
  async function pass(call: UpstreamCall, credential: Credential, lookup: Lookup | null): Promise<Outcome> {
    const { modern, place } = call
    const { upstream } = place
    const treatment = {
      rewrite: listRewrite(policy, call),
      keep: lookup?.keep ?? null,
      watch: isListening(call) ? cache.watch(upstream) : null,
    }
    const session = modern ? null : sessionOf(call)
    const forward = { ...call, ...treatment, session }
    const outcome = await forwarder.forward(forward, credential, logins.mayRenew(call))
    if (!outcome.handedBack) return outcome
    if (outcome.wantsScope) return askForScope(call, outcome.wantsScope)
    await logins.renew(call, credential)
    return answerOne({ ...call, renewed: true })
  }

  /** The peer meets the same, and asks for more in the way of its client; a session that passes through has no peer. */
  async function askForScope(call: UpstreamCall, scope: string): Promise<Outcome> {
    if (call.modern) return bridge.serve(call, peerOf(call.place.upstream))
    throw await askInSession(call, scope, needs)
  }

  function maxBodyOf(place: Place): number {
    const own = place.kind === 'upstream' ? place.upstream.limits.maxBodyBytes : null
    return own ?? limits.maxBodyBytes
  }

  function sessionOf({ req, caller, place, ids }: UpstreamCall): Session | null {
    const handle = req.headers['mcp-session-id']
    if (typeof handle !== 'string') return null
    return openSession(sessions, handle, caller, place.upstream.name, ids)
  }

  async function serve(req: IncomingMessage, res: ServerResponse): Promise<void> {
    const started = performance.now()
    const visit: Progress = {
      upstreams: [],
      caller: null,
      httpMethod: req.method ?? '',
      messages: [],
      cors: needs.answerHeaders ?? [],
      ip: addressOf(req),
    }
    let outcome: Outcome | null
    try {
      outcome = await walk(req, res, visit)
    } catch (error) {
      outcome = conclude(error, req, res, visit)
    }
    if (outcome !== null) audit(callEvent(visit, outcome, performance.now() - started))
  }

  async function attend(req: IncomingMessage, res: ServerResponse): Promise<void> {
    visits.enter()
    try {
      await serve(req, res)
    } catch (error) {
      report(error)
    } finally {
      visits.leave()
    }
  }

  /** What a walk that was broken off comes to. */
  function conclude(error: unknown, req: IncomingMessage, res: ServerResponse, visit: Progress): Outcome {
    if (res.destroyed || req.errored) return CLIENT_LEFT
    if (!(error instanceof Refusal)) report(error)
    const refusal = error instanceof Refusal ? error : internalError(visit.messages)
    const lasting = !closing && canSkipBody(req, limits.maxBodyBytes)
    writeRefusal(res, refusal, lasting ? visit.cors : [...visit.cors, 'connection', 'close'])
    const detail = error instanceof Refusal ? null : detailOf(error)
    return { outcome: 'refused', status: refusal.status, reason: refusal.reason, detail }
  }

  return {
    handle: (req, res) => void attend(req, res),
    metadata: (path) => resourceMetadata(registry, issuer, path),
    isDraining: () => closing,
    openStreams: () => forwarder.openStreams() + bridge.openStreams(),
    async close(graceMs) {
      closing = true
      forwarder.endListening()
      bridge.endListening()
      await visits.over(graceMs)
      await Promise.all([forwarder.destroy(), bridge.destroy(), cache.close()])
    },
  }
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

/** MCP 2026-07-28, "Sending Messages": a client answers nothing, it asks again. */
function refuseResponses(messages: readonly RpcMessage[]): void {
  if (messages.some(({ kind }) => kind === 'response')) throw malformed('Responses cannot be posted.')
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

function internalError(messages: readonly RpcMessage[]): Refusal {
  return rpcRefusal({
    status: 500,
    reason: 'internal',
    code: INTERNAL_ERROR,
    message: 'Something went wrong here.',
    ids: requestIds(messages),
  })
}
