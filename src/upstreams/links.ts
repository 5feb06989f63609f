// Owns the ways to the upstreams: which era each speaks, and a peer for those that need more than forwarding.

import type { AnswerBudget } from '../http/answer-budget.ts'
import { createConnections } from '../http/connections.ts'
import type { Era } from '../mcp/era.ts'
import type { Mailbox } from '../mcp/mailbox.ts'
import type { Peer, Visitor } from '../mcp/peer.ts'
import type { Caller } from '../oauth/caller.ts'
import { balancedConnections } from './balanced-connections.ts'
import { ConnectFirst, type CredentialFor } from './credentials.ts'
import { createKnownEras, type EraTimes } from './known-eras.ts'
import { headersFor } from './legacy/http-headers.ts'
import type { StateSealer } from './legacy/request-state.ts'
import type { ApiProblem } from './openapi/problem.ts'
import { createPeers } from './peers.ts'
import { presenting } from './presenting.ts'
import { type Eras, probeEras } from './probe.ts'
import { createPrograms, type ProgramLog } from './programs/programs.ts'
import type { HttpUpstream, Upstream } from './registry.ts'
import type { FailureLog } from './told-failures.ts'

export interface LinksNeeds {
  readonly credentialFor: CredentialFor
  /** Of what a client brings back when it continues a call. */
  readonly sealer: StateSealer
  /** To the other replicas. */
  readonly mailbox: Mailbox
  /** Whether an upstream is still configured. */
  readonly has: (upstream: Upstream) => boolean
  readonly programLog: ProgramLog
  /** Why an upstream has no answer, for the log. */
  readonly failureLog: FailureLog
  /** An OpenAPI document that is of no use, or not all of it; for the log. */
  readonly apiProblem: (upstream: string, problem: ApiProblem) => void
  /** Of an answer that has to be read as a whole. */
  readonly maxAnswerBytes?: number
  /** Of all answers that have to be read, together. */
  readonly budget?: AnswerBudget
  /** Milliseconds. */
  readonly clock?: () => number
  readonly times?: Partial<EraTimes>
}

export interface Links {
  /**
   * Whether the bytes of a request of this era can pass untouched. Asked of the upstream itself where it is not known yet, on
   * behalf of this caller; true when it does not tell, so that the client gets the upstream's own answer.
   */
  passes(upstream: Upstream, era: Era, caller: Caller): boolean | Promise<boolean>
  /** An answer to this caller looked like one of the other era: the upstream is asked again, if it was not just now. */
  contradict(upstream: Upstream, caller: Caller): void
  peerOf(upstream: Upstream): Peer
  /** Ends the sessions and processes that are open. */
  close(): Promise<void>
}

/** As they are opened, for whoever decides when one is not wanted any more. */
export interface OpenLinks extends Links {
  /** Ends what is kept for this upstream. */
  forget(upstream: Upstream): Promise<void>
}

export function createLinks(needs: LinksNeeds): OpenLinks {
  const { credentialFor, programLog, clock = Date.now, times } = needs
  const connections = createConnections()
  const known = createKnownEras({ probe, clock, ...(times && { times }) })
  const programs = createPrograms({ log: programLog })
  const peers = createPeers({ ...needs, connections, programs, known, clock })

  async function probe(upstream: HttpUpstream, caller: Caller): Promise<Eras | null | 'unasked'> {
    try {
      const credential = await credentialFor(caller, upstream)
      const headers = headersFor(upstream.headers, credential, {})
      const { url, balance, limits } = upstream
      const there = balance === null ? connections : balancedConnections(connections, balance)
      return await probeEras({
        connections: presenting(there, credential),
        url,
        headers,
        visitor: probing(caller),
        patienceMs: limits.firstByteTimeoutMs,
      })
    } catch (error) {
      // There is nothing to present for this caller: then the upstream says nothing either.
      return error instanceof ConnectFirst ? 'unasked' : null
    }
  }

  return {
    passes(upstream, era, caller) {
      if (upstream.kind !== 'http') return false
      const eras = known.of(upstream, caller)
      return eras instanceof Promise ? eras.then((told) => speaks(told, era)) : speaks(eras, era)
    },
    contradict(upstream, caller) {
      if (upstream.kind === 'http') void known.contradict(upstream, caller)
    },
    peerOf: peers.of,
    forget: peers.forget,
    async close() {
      await peers.close()
      await programs.close()
      await connections.close()
    },
  }
}

function speaks(eras: Eras | null, era: Era): boolean {
  return eras === null || eras[era]
}

function probing(caller: Caller): Visitor {
  return { caller, clientInfo: null, capabilities: {}, logLevel: null, trace: {} }
}
