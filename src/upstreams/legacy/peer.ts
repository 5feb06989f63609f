// Owns the peer that a legacy upstream is: requests that each stand alone, carried by sessions that it never shows.

import type { Mailbox } from '../../mcp/mailbox.ts'
import {
  type Peer,
  type PeerAnswer,
  PeerFailure,
  type PeerHooks,
  type PeerRequest,
  type SubscriptionFilter,
  type Visitor,
} from '../../mcp/peer.ts'
import { READING_METHODS } from '../../mcp/reading.ts'
import { isRecord, METHOD_NOT_FOUND, type Members } from '../../mcp/rpc.ts'
import type { CredentialFor } from '../credentials.ts'
import type { Upstream } from '../registry.ts'
import { repeatable, repeated } from '../repeating.ts'
import { serverCapabilities } from './capabilities.ts'
import type { OpenChannel, SessionLost } from './channel.ts'
import { resumeElsewhere } from './handover.ts'
import { createHeldCalls, type Turn } from './held-calls.ts'
import { createHolder } from './holder.ts'
import { DEFAULT_LEGACY_LIMITS, type LegacyLimits } from './limits.ts'
import { listenTo } from './listening.ts'
import { createPool, type Lease } from './pool.ts'
import { reopening } from './reopening.ts'
import { createStates, type State, type StateSealer, type Ticket } from './request-state.ts'
import { modernAnswer } from './result.ts'
import type { Ears } from './upstream-call.ts'
import { declined, urlsRequired } from './url-elicitation.ts'

export interface LegacyPeerNeeds {
  readonly upstream: Upstream
  readonly open: OpenChannel
  readonly credentialFor: CredentialFor
  readonly sealer: StateSealer
  /** To the other replicas, one of which may hold the call that a client comes back to. */
  readonly mailbox: Mailbox
  readonly limits?: Partial<LegacyLimits>
  /** Milliseconds since the epoch. */
  readonly clock?: () => number
}

export interface LegacyPeer extends Peer {
  /** Sessions that are open. */
  sessions(): number
  /** Calls that wait for their client. */
  held(): number
  /** Ends all of them. */
  close(): Promise<void>
}

/** What the modern era has not, by these names: sessions, tasks, and requests that only begin something. */
const NOT_FORWARDED =
  /^(initialize|ping|logging\/setLevel|resources\/(un)?subscribe|tasks\/.*|server\/.*|subscriptions\/.*|notifications\/.*)$/
const UNKNOWN_METHOD: PeerAnswer = {
  kind: 'error',
  error: { code: METHOD_NOT_FOUND, message: 'Method not found' },
}

export function createLegacyPeer(needs: LegacyPeerNeeds): LegacyPeer {
  const limits = { ...DEFAULT_LEGACY_LIMITS, ...needs.limits }
  const { upstream, mailbox, sealer, clock = Date.now } = needs
  const pool = createPool({ ...needs, limits })
  const calls = createHeldCalls(limits)
  const holder = createHolder(mailbox, calls, limits)
  const states = createStates({ upstream: upstream.name, sealer, ttlMs: limits.heldMs, clock })

  async function request(visitor: Visitor, asked: PeerRequest, hooks: PeerHooks): Promise<PeerAnswer> {
    if (NOT_FORWARDED.test(asked.method)) return UNKNOWN_METHOD
    const state = stateOf(visitor, asked)
    const refused = state?.kind === 'again' ? declined(asked.inputResponses ?? {}) : null
    if (refused !== null) return { kind: 'error', error: refused }
    if (state?.kind !== 'held') {
      const turn = await begin(visitor, asked, hooks)
      const address = turn.kind === 'asks' ? await holder.address() : ''
      return answerOf(turn, address, visitor, asked)
    }
    return answerOf(await resume(state, visitor, asked, hooks), state.address, visitor, asked)
  }

  /** Each of our questions came with a state: answers without one would make the call a second time. */
  function stateOf(visitor: Visitor, asked: PeerRequest): State | null {
    if (asked.requestState !== null) return states.open(asked.requestState, visitor, asked)
    if (asked.inputResponses !== null) throw new PeerFailure('lost')
    return null
  }

  /** The call is made again in another session only if the upstream cannot have looked at it, or looking changes nothing. */
  function begin(visitor: Visitor, asked: PeerRequest, hooks: PeerHooks): Promise<Turn> {
    const repeatable = ({ unread }: SessionLost) => unread || READING_METHODS.has(asked.method)
    return reopening(() => beginOnce(visitor, asked, hooks), repeatable)
  }

  /** A session that did not come about is begun once more: nobody uses what may be left of it. */
  function lease(visitor: Visitor, signal: AbortSignal): Promise<Lease> {
    return repeated('always', signal, () => pool.lease(visitor, signal))
  }

  async function listenOnce(visitor: Visitor, filter: SubscriptionFilter, hooks: PeerHooks): Promise<void> {
    const { session, release } = await lease(visitor, hooks.signal)
    try {
      await listenTo(session, filter, hooks)
    } finally {
      release()
    }
  }

  async function beginOnce(visitor: Visitor, asked: PeerRequest, hooks: PeerHooks): Promise<Turn> {
    const { session, release } = await lease(visitor, hooks.signal)
    try {
      const sent = { method: asked.method, params: withoutTask(asked.params), trace: visitor.trace }
      // Each time under an id of its own, which is what a session wants of requests.
      return await repeated(repeatable(asked), hooks.signal, async () => {
        const call = await session.call(sent, visitor.logLevel)
        return calls.begin(call, visitor.caller.subject, earsOf(visitor, asked, hooks))
      })
    } finally {
      release()
    }
  }

  function resume(state: Ticket, visitor: Visitor, asked: PeerRequest, hooks: PeerHooks): Promise<Turn> {
    const { address, call, round } = state
    const back = { call, round, responses: asked.inputResponses ?? {} }
    const ears = earsOf(visitor, asked, hooks)
    if (holder.isHere(address)) return calls.resume(back, ears)
    return resumeElsewhere(mailbox, address, back, ears, limits)
  }

  function answerOf(turn: Turn, address: string, visitor: Visitor, asked: PeerRequest): PeerAnswer {
    const ask = (asks: Members, state: State) => inputRequired(asks, states.seal(state, visitor, asked))
    if (turn.kind === 'asks') {
      const { call, round } = turn
      return ask(turn.asks, { kind: 'held', address, call, round })
    }
    const urls = urlsRequired(asked.method, turn.answer, visitor.capabilities)
    if (urls?.kind === 'asks') return ask(urls.asks, { kind: 'again' })
    return urls ?? modernAnswer(asked.method, turn.answer, turn.serverInfo)
  }

  return {
    async discover(visitor, signal) {
      const { session, release } = await lease(visitor, signal)
      release()
      const { capabilities, serverInfo, instructions } = session.about
      return { capabilities: serverCapabilities(capabilities), serverInfo, instructions }
    },
    request,
    listen: (visitor, filter, hooks) =>
      reopening(
        () => listenOnce(visitor, filter, hooks),
        () => true,
      ),
    sessions: pool.size,
    held: calls.count,
    async close() {
      calls.close()
      holder.close()
      await pool.close()
    },
  }
}

function inputRequired(inputRequests: Members, requestState: string): PeerAnswer {
  return { kind: 'result', result: { resultType: 'input_required', inputRequests, requestState } }
}

function earsOf(visitor: Visitor, { params }: PeerRequest, { signal, notify }: PeerHooks): Ears {
  const progressToken = isRecord(params._meta) ? params._meta.progressToken : undefined
  return { signal, notify, logLevel: visitor.logLevel, progressToken }
}

/** Tasks of 2025-11-25 are not bridged: their ids are good for whoever knows them. */
function withoutTask({ task: _, ...params }: Members): Members {
  return params
}
