// Owns the way that a call is answered: from memory, by passing its bytes, or by the bridge.

import type { StandingPolicy } from '../oauth/standing-policy.ts'
import { isPersonal } from '../oauth/upstream-auth.ts'
import type { Credential } from '../upstreams/credentials.ts'
import type { Links } from '../upstreams/links.ts'
import { answerFromMemory } from './cache/answer.ts'
import type { AnswerCache, Lookup } from './cache/answer-cache.ts'
import { type Call, isListening, type UpstreamCall } from './call.ts'
import type { Forwarder } from './forward.ts'
import { type AskNeeds, askInSession, isInPassingSession } from './login-in-session.ts'
import type { Logins } from './logins.ts'
import type { Outcome } from './outcome.ts'
import { listRewrite } from './policy/list-rewrite.ts'
import { openSession, type Session } from './session.ts'
import type { TaskHandles } from './tasks/handle.ts'
import { isAboutTasks } from './tasks/judged.ts'
import { LARGEST_TASK_BYTES, passingTasks } from './tasks/passing.ts'

export interface AnsweringNeeds extends AskNeeds {
  readonly policy: Pick<StandingPolicy, 'current'>
  readonly links: Pick<Links, 'passes'>
  /** By the bridge, out of what the peer at the call's place says within the policy. */
  readonly bridged: Answering
  readonly cache: AnswerCache
  readonly forwarder: Forwarder
  readonly logins: Logins
  readonly tasks: TaskHandles
}

/** Settles when the client has its answer; rejects with a refusal when that is the answer. */
export type Answering = (call: Call) => Promise<Outcome>

const BRIDGE = 'bridge'
/** Or the bridge speaks. */
type ToPass = Credential | null | typeof BRIDGE

export function createAnswering(needs: AnsweringNeeds): Answering {
  const { policy, links, bridged, cache, forwarder, logins, sessions, tasks } = needs

  /** Bytes pass where both sides speak the same era; the bridge speaks for whoever does not. */
  async function answer(call: UpstreamCall): Promise<Outcome> {
    const lookup = cache.lookUp(call)
    const known = fromMemory(call, lookup, false)
    if (known) return known
    const finding = credentialToPass(call)
    const credential = finding instanceof Promise ? await finding : finding
    if (credential === BRIDGE) return bridged(call)
    if (credential === null) return askForLogin(call)
    const theirs = fromMemory(call, lookup, true)
    if (theirs) return theirs
    const outcome = await forwarder.forward(treated(call, lookup), credential, logins.mayRenew(call))
    return outcome.handedBack ? answerAgain(call, credential, outcome) : outcome
  }

  /** What was presented was not accepted. */
  async function answerAgain(call: UpstreamCall, credential: Credential, outcome: Outcome): Promise<Outcome> {
    if (outcome.wantsScope) return askForScope(call, outcome.wantsScope)
    if (outcome.wantsNonce && !call.withNonce) return answer({ ...call, withNonce: true })
    await logins.renew(call, credential)
    return answer({ ...call, renewed: true })
  }

  /** Where a person logs in, memory has nothing for somebody who has logged out since. */
  function fromMemory(call: UpstreamCall, lookup: Lookup | null, isLoggedIn: boolean): Outcome | null {
    if (!lookup?.found || isPersonal(call.place.upstream.auth) !== isLoggedIn) return null
    return answerFromMemory(call, lookup.found)
  }

  /** What to present to an upstream that the bytes pass to; null when there is nothing yet. */
  function credentialToPass(call: UpstreamCall): ToPass | Promise<ToPass> {
    // The client has a handle of its own for a task, and the upstream another id.
    if (call.modern && call.messages.some(isAboutTasks)) return BRIDGE
    const passes = links.passes(call.place.upstream, call.modern ? 'modern' : 'legacy', call.caller)
    if (passes instanceof Promise) return passes.then((told) => (told ? presented(call) : BRIDGE))
    return passes ? presented(call) : BRIDGE
  }

  function presented(call: UpstreamCall): ToPass | Promise<ToPass> {
    return logins.isUnderWay(call) ? BRIDGE : logins.credentialFor(call)
  }

  /** With what is done to its answer on the way, if anything. */
  function treated(call: UpstreamCall, lookup: Lookup | null): UpstreamCall {
    const { body, rewrite } = passingTasks(tasks, call)
    const ofPolicy = listRewrite(policy, call)
    return {
      ...call,
      body,
      session: call.modern ? null : sessionOf(call),
      rewrite: ofPolicy ?? rewrite,
      rewriteUpTo: ofPolicy === null ? LARGEST_TASK_BYTES : Number.POSITIVE_INFINITY,
      keep: lookup?.keep ?? null,
      watch: isListening(call) ? cache.watch(call.place.upstream) : null,
    }
  }

  /** The peer does that, where there is one: a session that passes through has none. */
  async function askForLogin(call: UpstreamCall): Promise<Outcome> {
    if (isInPassingSession(call, sessions)) throw await askInSession(call, null, needs)
    return bridged(call)
  }

  /** The peer meets the same, and asks for more in the way of its client. */
  async function askForScope(call: UpstreamCall, scope: string): Promise<Outcome> {
    if (call.modern) return bridged(call)
    throw await askInSession(call, scope, needs)
  }

  function sessionOf({ req, caller, place, ids }: UpstreamCall): Session | null {
    const handle = req.headers['mcp-session-id']
    if (typeof handle !== 'string') return null
    return openSession(sessions, handle, caller, place.upstream.name, ids)
  }

  return (call) => {
    const { place } = call
    return place.kind === 'aggregate' ? bridged(call) : answer({ ...call, place })
  }
}
