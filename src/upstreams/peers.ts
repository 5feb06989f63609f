// Owns the peers: one for each upstream that is spoken to, of whichever kind it is, closed when it is not wanted any more.

import type { AnswerBudget } from '../http/answer-budget.ts'
import { type Connections, createConnections } from '../http/connections.ts'
import type { Mailbox } from '../mcp/mailbox.ts'
import { type Peer, PeerFailure } from '../mcp/peer.ts'
import { balancedConnections } from './balanced-connections.ts'
import type { CredentialFor } from './credentials.ts'
import { createEitherEraPeer } from './either-era.ts'
import type { KnownEras } from './known-eras.ts'
import type { OpenChannel } from './legacy/channel.ts'
import { openHttpChannels } from './legacy/http-channel.ts'
import { createLegacyPeer, type LegacyPeer } from './legacy/peer.ts'
import type { StateSealer } from './legacy/request-state.ts'
import { openSseChannels } from './legacy/sse-channel.ts'
import { createStdioChannels } from './legacy/stdio-channel.ts'
import { createModernPeer } from './modern/peer.ts'
import { createProgramPeer } from './modern/program-peer.ts'
import { openApiPeerLater } from './openapi/later.ts'
import type { ApiProblem } from './openapi/problem.ts'
import { patienceWith, patientPeer } from './patient-peer.ts'
import { createProgramEras } from './program-eras.ts'
import type { Programs } from './programs/programs.ts'
import type { HttpUpstream, OpenApiUpstream, StdioUpstream, Upstream } from './registry.ts'
import { sharedPeer } from './shared-peer.ts'
import { type FailureLog, tellingPeer } from './told-failures.ts'

export interface PeersNeeds {
  readonly connections: Connections
  readonly programs: Programs
  readonly credentialFor: CredentialFor
  readonly known: KnownEras
  readonly sealer: StateSealer
  readonly mailbox: Mailbox
  /** Why an upstream has no answer, for the log. */
  readonly failureLog: FailureLog
  /** An OpenAPI document that is of no use, or not all of it; for the log. */
  readonly apiProblem: (upstream: string, problem: ApiProblem) => void
  /** Of an answer that has to be read as a whole. */
  readonly maxAnswerBytes?: number
  /** Of all answers that have to be read, together. */
  readonly budget?: AnswerBudget | undefined
  /** Whether an upstream is still configured. */
  readonly has: (upstream: Upstream) => boolean
  /** Milliseconds since the epoch. */
  readonly clock: () => number
}

export interface Peers {
  of(upstream: Upstream): Peer
  /** Closes that of an upstream, when there is one. */
  forget(upstream: Upstream): Promise<void>
  close(): Promise<void>
}

interface OpenPeer {
  readonly peer: Peer
  close(): Promise<void>
}

/** For a call that was under way to it when its upstream was removed. */
const gone = () => Promise.reject(new PeerFailure('unreachable'))
const GONE: Peer = { discover: gone, request: gone, listen: gone }

export function createPeers(needs: PeersNeeds): Peers {
  const { connections, programs, credentialFor, known, clock, budget } = needs
  const open = new Map<Upstream, OpenPeer>()

  function openPeer(upstream: Upstream): OpenPeer {
    const own = ownConnections(upstream)
    if (own === null) return openOver(connections, upstream)
    const { peer, close } = openOver(own, upstream)
    return { peer, close: () => close().finally(own.close) }
  }

  function openOver(there: Connections, upstream: Upstream): OpenPeer {
    switch (upstream.kind) {
      case 'http':
        return openEither(there, upstream)
      case 'sse':
        return alone(legacyPeer(upstream, openSseChannels({ connections: there, budget })))
      case 'stdio':
        return openProgram(upstream)
      case 'openapi':
        return openApi(there, upstream)
    }
  }

  function openProgram(upstream: StdioUpstream): OpenPeer {
    const channels = createStdioChannels(programs, { budget })
    const legacy = legacyPeer(upstream, channels)
    const modern = createProgramPeer({ upstream, open: channels, credentialFor })
    const eras = createProgramEras({ speaks: modern.speaks, clock })
    const either = createEitherEraPeer({ modern, legacy, eras, contradict: async (caller) => eras(caller) })
    const close = async () => void (await Promise.all([modern.close(), legacy.close()]))
    return { peer: upstream.shared ? sharedPeer(either) : either, close }
  }

  function openApi(there: Connections, upstream: OpenApiUpstream): OpenPeer {
    const report = (problem: ApiProblem) => needs.apiProblem(upstream.name, problem)
    const { maxAnswerBytes } = needs
    const bounded = maxAnswerBytes !== undefined && { maxBytes: maxAnswerBytes }
    const both = { upstream, connections: there, credentialFor, report, budget, clock }
    return openApiPeerLater({ ...both, ...bounded })
  }

  function openEither(given: Connections, upstream: HttpUpstream): OpenPeer {
    const { balance } = upstream
    const there = balance === null ? given : balancedConnections(given, balance)
    // Of several endpoints one has the session, so a channel chooses for itself.
    const legacy = legacyPeer(upstream, openHttpChannels({ connections: given, budget }))
    const peer = createEitherEraPeer({
      modern: createModernPeer({ upstream, connections: there, credentialFor, budget, clock }),
      legacy,
      eras: (caller) => known.of(upstream, caller),
      contradict: (caller) => known.contradict(upstream, caller),
    })
    return { peer, close: () => legacy.close() }
  }

  function legacyPeer(upstream: Upstream, channels: OpenChannel): LegacyPeer {
    return createLegacyPeer({ ...needs, upstream, open: channels })
  }

  return {
    of(upstream) {
      const found = open.get(upstream)
      if (found) return found.peer
      // Nobody would close it again.
      if (!needs.has(upstream)) return GONE
      const opened = openPeer(upstream)
      const patient = patientPeer(opened.peer, patienceWith(upstream))
      const peer = tellingPeer(patient, upstream.name, needs.failureLog, clock)
      open.set(upstream, { ...opened, peer })
      return peer
    },
    async forget(upstream) {
      const found = open.get(upstream)
      open.delete(upstream)
      await found?.close()
    },
    async close() {
      await Promise.all([...open.values()].map(({ close }) => close()))
    },
  }
}

/** For an upstream that is waited for longer, or less long, than others. */
function ownConnections({ limits }: Upstream): Connections | null {
  const { connectTimeoutMs, firstByteTimeoutMs } = limits
  if (connectTimeoutMs === null && firstByteTimeoutMs === null) return null
  return createConnections({
    ...(connectTimeoutMs !== null && { connectTimeoutMs }),
    ...(firstByteTimeoutMs !== null && { firstByteTimeoutMs }),
  })
}

function alone(peer: LegacyPeer): OpenPeer {
  return { peer, close: () => peer.close() }
}
