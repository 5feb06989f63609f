// Owns that a peer is not asked again for what it said is good for longer: its lists, its resources and what it says of itself.

import { DISCOVER, type Discovery, type Peer, type Visitor } from '../../mcp/peer.ts'
import { isRecord, type Members } from '../../mcp/rpc.ts'
import type { Caller } from '../../oauth/caller.ts'
import { isPersonal } from '../../oauth/upstream-auth.ts'
import type { CredentialFor } from '../../upstreams/credentials.ts'
import type { Upstream } from '../../upstreams/registry.ts'
import type { AnswerCache } from './answer-cache.ts'

export interface Remembering {
  readonly cache: Pick<AnswerCache, 'lookUpAt'>
  readonly credentialFor: CredentialFor
}

function resultLike({ freshness, ...said }: Discovery): Members {
  return { resultType: 'complete', ...freshness, ...said }
}

function discoveryIn({ capabilities, serverInfo, instructions, ttlMs, cacheScope }: Members): Discovery {
  return {
    capabilities: isRecord(capabilities) ? capabilities : {},
    serverInfo: isRecord(serverInfo) ? serverInfo : null,
    instructions: typeof instructions === 'string' ? instructions : null,
    freshness: { ttlMs: Number(ttlMs), cacheScope: cacheScope === 'public' ? 'public' : 'private' },
  }
}

/** What the policy hides from a caller has to be left out behind it: here is what the upstream says. */
export function rememberingPeer(peer: Peer, upstream: Upstream, { cache, credentialFor }: Remembering): Peer {
  /** Where a person logs in, memory has nothing for somebody who has logged out since. */
  async function mayRemember({ caller }: Visitor): Promise<boolean> {
    return !isPersonal(upstream.auth) || (await isLoggedIn(caller))
  }

  /** What stands in the way, the peer meets as well and says it. */
  async function isLoggedIn(caller: Caller): Promise<boolean> {
    try {
      await credentialFor(caller, upstream)
      return true
    } catch {
      return false
    }
  }

  return {
    async discover(visitor, signal) {
      const lookup = cache.lookUpAt(upstream, visitor, DISCOVER)
      if (lookup?.found && (await mayRemember(visitor))) return discoveryIn(lookup.found)
      const discovery = await peer.discover(visitor, signal)
      if (discovery.freshness) lookup?.keep(resultLike(discovery))
      return discovery
    },
    async request(visitor, request, hooks) {
      const lookup = cache.lookUpAt(upstream, visitor, request)
      if (lookup?.found && (await mayRemember(visitor))) return { kind: 'result', result: lookup.found }
      const answer = await peer.request(visitor, request, hooks)
      if (answer.kind === 'result') lookup?.keep(answer.result)
      return answer
    },
    listen: (visitor, filter, hooks) => peer.listen(visitor, filter, hooks),
  }
}
