// Owns the aggregate: for a place with several upstreams, where messages lead, what a caller may do, and the peer that answers.

import type { Peer, Visitor } from '../../mcp/peer.ts'
import type { Caller } from '../../oauth/caller.ts'
import type { Policy } from '../../oauth/policy.ts'
import { resourcePath } from '../../oauth/resource.ts'
import type { StandingPolicy } from '../../oauth/standing-policy.ts'
import type { AggregatePlace, Upstream } from '../../upstreams/registry.ts'
import type { Access, ToolsOf } from '../access.ts'
import type { Limits } from '../limits.ts'
import type { RpcMessage } from '../message.ts'
import type { AsJudged } from '../tasks/judged.ts'
import { decideAggregate, type Routed } from './decide.ts'
import { createNameIndex } from './name-index.ts'
import { createAggregatePeer } from './peer.ts'
import { createRoutes, type FindRoute } from './route.ts'

export interface AggregateNeeds {
  /** Of ours. */
  readonly issuer: string
  /** With the policy kept. */
  readonly peerOf: (upstream: Upstream) => Peer
  readonly policy: Pick<StandingPolicy, 'current'>
  readonly toolsOf: ToolsOf
  readonly judged: AsJudged
  readonly emailOf?: (caller: Caller) => Promise<string | null>
  /** A bug or an outage, for the log. */
  readonly report: (error: unknown) => void
  /** Milliseconds since the epoch. */
  readonly clock: () => number
  readonly limits: Pick<Limits, 'straggleMs'>
}

export interface Aggregate {
  /** Rejects with a PeerFailure when only an upstream could tell, and does not. */
  route(place: AggregatePlace, caller: Caller, messages: readonly RpcMessage[]): Promise<readonly Routed[]>
  decide(
    place: AggregatePlace,
    policy: Policy | null,
    caller: Caller,
    routed: readonly Routed[],
  ): Promise<Access>
  peerOf(place: AggregatePlace): Peer
}

interface Parts {
  readonly findRoute: FindRoute
  readonly peer: Peer
}

export function createAggregate(needs: AggregateNeeds): Aggregate {
  const names = createNameIndex(needs.clock)
  const built = new WeakMap<AggregatePlace, Parts>()

  function partsOf(place: AggregatePlace): Parts {
    const parts = built.get(place) ?? build(place)
    built.set(place, parts)
    return parts
  }

  function build({ upstreams }: AggregatePlace): Parts {
    const { issuer, peerOf, emailOf = async () => null, report, clock, limits } = needs
    const members = upstreams.map((upstream) => ({ upstream, peer: peerOf(upstream) }))
    const findRoute = createRoutes(members, names)
    const addressOf = ({ name }: Upstream) => issuer + resourcePath(name)
    const peer = createAggregatePeer({
      members,
      names,
      findRoute,
      addressOf,
      emailOf,
      report,
      clock,
      policy: needs.policy,
      limitMs: limits.straggleMs,
    })
    return { findRoute, peer }
  }

  return {
    async route(place, caller, messages) {
      const { findRoute } = partsOf(place)
      const visitor = unknownClientOf(caller)
      const routed: Routed[] = []
      // One after the other: a batch of names that have to be looked up reads a list once.
      for (const message of messages) routed.push({ message, route: await findRoute(message, visitor) })
      return routed
    },
    decide: ({ upstreams }, policy, caller, routed) =>
      decideAggregate({ ...needs, caller, upstreams, routed, policy }),
    peerOf: (place) => partsOf(place).peer,
  }
}

/** What a name stands for does not depend on the client that says it. */
function unknownClientOf(caller: Caller): Visitor {
  return { caller, clientInfo: null, capabilities: {}, logLevel: null, trace: {} }
}
