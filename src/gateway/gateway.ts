// Owns the gateway: the steps from a request to its upstream, in order.

import type { IncomingMessage, ServerResponse } from 'node:http'
import type { AnswerBudget } from '../http/answer-budget.ts'
import { createClientAddress } from '../http/client-address.ts'
import { createLocalMailbox, type Mailbox } from '../mcp/mailbox.ts'
import { INTERNAL_ERROR } from '../mcp/rpc.ts'
import type { Rate } from '../oauth/allowance.ts'
import type { Caller } from '../oauth/caller.ts'
import { createStandingPolicy, type StandingPolicy } from '../oauth/standing-policy.ts'
import type { AskForLogin, CredentialFor, CredentialRefused } from '../upstreams/credentials.ts'
import type { Guards } from '../upstreams/guards.ts'
import type { Links } from '../upstreams/links.ts'
import type { Place, Registry, Upstream } from '../upstreams/registry.ts'
import type { ToolsOf } from './access.ts'
import type { KeySource } from './access-token.ts'
import { createAggregate } from './aggregate/aggregate.ts'
import { createAnswering } from './answering.ts'
import { createAuthorize } from './authorize.ts'
import { type ApiKeySource, createBearer } from './bearer.ts'
import { canSkipBody } from './body.ts'
import { createBridge } from './bridge/bridge.ts'
import { createLocalSessionStore, type SessionStore } from './bridge/legacy/session-store.ts'
import { createAnswerCache } from './cache/answer-cache.ts'
import { rememberingPeer } from './cache/remembering-peer.ts'
import { watchedPeer } from './cache/watched-peer.ts'
import { type Call, isListening, type UpstreamCall } from './call.ts'
import { type CallEvent, callEvent } from './call-event.ts'
import type { DpopNeeds } from './dpop.ts'
import { createFollowing } from './following.ts'
import { createForwarder } from './forward.ts'
import { type AdmissionNeeds, createAdmission } from './limits/admission.ts'
import { createRefusedTokens } from './limits/refused-tokens.ts'
import { DEFAULT_LIMITS, type Limits } from './limits.ts'
import { createLogins } from './logins.ts'
import { type RpcMessage, requestIds } from './message.ts'
import { type ResourceMetadata, resourceMetadata } from './metadata.ts'
import { createOrigins } from './origin.ts'
import { CLIENT_LEFT, detailOf, type Outcome } from './outcome.ts'
import { findForbidden } from './policy/forbidden.ts'
import { listRewrite } from './policy/list-rewrite.ts'
import { policedPeer } from './policy/policed-peer.ts'
import { Refusal, rpcRefusal, writeRefusal } from './refusal.ts'
import type { Revocations } from './revocations.ts'
import type { Sealer } from './session.ts'
import { isPerson, type ShowSignpost } from './signpost.ts'
import { boundPeer } from './tasks/bound-peer.ts'
import { createTaskHandles } from './tasks/handle.ts'
import { createJudging } from './tasks/judged.ts'
import { createVisits } from './visits.ts'
import { createWalk, type Progress } from './walk.ts'

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
  readonly policy?: Pick<StandingPolicy, 'current' | 'onReplace'>
  /** Of all answers that are held until their client has read them; not counted without it. */
  readonly budget?: AnswerBudget
  /** How much may be kept of answers that upstreams let be kept; none without it. */
  readonly answerCacheBytes?: number
  /** Those that the links' peers ask too. */
  readonly guards: Guards
  /** How much one person, and one client, may do; as much as they like when it is not said. */
  readonly allowances?: Omit<AdmissionNeeds, 'clock'>
  /** What a person is shown who comes with a browser and no token; what a client is answered without it. */
  readonly showSignpost?: ShowSignpost
  /** How often one address may come with a token that is not accepted. */
  readonly refusedPerAddress?: Rate | null
  /** The tools of an upstream; asked anew when `asked` names one that is not known. None when in doubt. */
  readonly toolsOf: ToolsOf
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

const NONE: readonly never[] = []

export function createGateway(needs: GatewayNeeds): Gateway {
  const { issuer, registry, audit, report, sessions, policy = createStandingPolicy(null) } = needs
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
  const refused = createRefusedTokens({ rate: needs.refusedPerAddress ?? null, clock })
  const logins = createLogins({ ...needs, clock })
  const visits = createVisits()
  const tasks = createTaskHandles(sessions)
  const judged = createJudging(tasks)
  registry.onReplace(forwarder.retire)
  const cache = createAnswerCache({ registry, mailbox, report, clock, bytes: needs.answerCacheBytes ?? 0 })
  const peerOf = (upstream: Upstream) => {
    const watched = watchedPeer(needs.links.peerOf(upstream), (topic) => cache.drop(upstream, topic))
    const peer = rememberingPeer(watched, upstream, { ...needs, cache })
    return policedPeer(boundPeer(peer, upstream, tasks), upstream, { ...needs, policy, judged })
  }
  const aggregate = createAggregate({ ...needs, policy, peerOf, judged, limits, clock })
  const authorize = createAuthorize({ ...needs, policy, aggregate, judged, limits })
  const peerAt = (place: Place) =>
    place.kind === 'aggregate' ? aggregate.peerOf(place) : peerOf(place.upstream)
  const following = createFollowing({ registry, policy, peerAt })
  const bridged = (call: Call) =>
    bridge.serve(call, isListening(call) ? following(call.place) : peerAt(call.place))
  const answer = createAnswering({ ...needs, policy, bridged, cache, forwarder, logins, tasks })
  const isDraining = () => closing
  const walk = createWalk({ registry, origins, bearer, authorize, admission, limits, isDraining, answer })
  let closing = false
  policy.onReplace(() => {
    cache.renew()
    forwarder.reconsider(mayListen)
  })

  /** A stream that was not looked through cannot be from now on: its client opens another one. */
  function mayListen(call: UpstreamCall): boolean {
    const { place, caller, messages, rewrite } = call
    if (!rewrite && listRewrite(policy, call) !== null) return false
    const question = { policy: policy.current(), upstream: place.upstream, caller, messages }
    return findForbidden(question, () => false) === null
  }

  async function serve(req: IncomingMessage, res: ServerResponse): Promise<void> {
    const started = performance.now()
    const visit: Progress = {
      upstreams: NONE,
      caller: null,
      httpMethod: req.method ?? '',
      messages: NONE,
      cors: needs.answerHeaders ?? NONE,
      ip: addressOf(req),
    }
    let outcome: Outcome | null
    visits.enter()
    try {
      outcome = await walk(req, res, visit)
    } catch (error) {
      outcome = conclude(error, req, res, visit)
    } finally {
      visits.leave()
    }
    if (outcome !== null) audit(callEvent(visit, outcome, performance.now() - started))
  }

  /** What a walk that was broken off comes to. */
  function conclude(error: unknown, req: IncomingMessage, res: ServerResponse, visit: Progress): Outcome {
    if (res.destroyed || req.errored) return CLIENT_LEFT
    if (!(error instanceof Refusal)) report(error)
    const refusal = error instanceof Refusal ? refused(error, req, visit.ip) : internalError(visit.messages)
    tell(refusal, req, res, visit.cors)
    const detail = error instanceof Refusal ? error.detail : detailOf(error)
    return { outcome: 'refused', status: refusal.status, reason: refusal.reason, detail }
  }

  function tell(refusal: Refusal, req: IncomingMessage, res: ServerResponse, cors: readonly string[]): void {
    if (needs.showSignpost && isPerson(req, refusal)) {
      needs.showSignpost(req, res, refusal)
      return
    }
    const lasting = !closing && canSkipBody(req, limits.maxBodyBytes)
    writeRefusal(res, refusal, lasting ? cors : [...cors, 'connection', 'close'])
  }

  return {
    handle: (req, res) => void serve(req, res).catch(report),
    metadata: (path) => resourceMetadata(registry, issuer, path),
    isDraining,
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

function internalError(messages: readonly RpcMessage[]): Refusal {
  return rpcRefusal({
    status: 500,
    reason: 'internal',
    code: INTERNAL_ERROR,
    message: 'Something went wrong here.',
    ids: requestIds(messages),
  })
}
