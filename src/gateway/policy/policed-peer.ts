// Owns the operator's policy where a peer is spoken to: what is forbidden does not reach it, and its lists leave that out.

import type { Peer, PeerAnswer, PeerHooks, PeerRequest, Visitor } from '../../mcp/peer.ts'
import type { Policy } from '../../oauth/policy.ts'
import type { StandingPolicy } from '../../oauth/standing-policy.ts'
import type { Tools } from '../../oauth/tool.ts'
import type { Upstream } from '../../upstreams/registry.ts'
import type { ToolsOf } from '../access.ts'
import { asksWhatReads, describeForbidden, findForbidden } from './forbidden.ts'
import type { Asking } from './uses.ts'
import { isListMethod, shownTo, viewOf } from './visible.ts'

export interface Policing {
  readonly policy: Pick<StandingPolicy, 'current'>
  readonly toolsOf: ToolsOf
}

/** The one code for what is refused to a caller, as at the edge. */
const FORBIDDEN = 403
const NO_TOOLS: Tools = new Map()

export function policedPeer(peer: Peer, upstream: Upstream, needs: Policing): Peer {
  async function forbiddenIn(policy: Policy, { caller }: Visitor, asking: Asking): Promise<string | null> {
    const question = { policy, upstream, caller, messages: [asking] }
    const { name } = asking.params
    const asked = asking.method === 'tools/call' && typeof name === 'string' && asksWhatReads(question)
    const tools = asked ? await needs.toolsOf(upstream, [name], caller) : NO_TOOLS
    const forbidden = findForbidden(question, (tool) => tools.get(tool)?.readOnly === true)
    return forbidden && describeForbidden(forbidden)
  }

  /** What is shown is what the policy says that the request came under. */
  async function request(visitor: Visitor, asked: PeerRequest, hooks: PeerHooks): Promise<PeerAnswer> {
    const policy = needs.policy.current()
    if (policy === null) return peer.request(visitor, asked, hooks)
    const message = await forbiddenIn(policy, visitor, asked)
    if (message !== null) return { kind: 'error', error: { code: FORBIDDEN, message } }
    const answer = await peer.request(visitor, asked, hooks)
    if (answer.kind !== 'result' || !isListMethod(asked.method)) return answer
    const view = viewOf(policy, upstream, visitor.caller)
    return view ? { ...answer, result: shownTo(view, answer.result) } : answer
  }

  return {
    discover: (visitor, signal) => peer.discover(visitor, signal),
    request,
    async listen(visitor, filter, hooks) {
      const policy = needs.policy.current()
      if (policy === null) return peer.listen(visitor, filter, hooks)
      const allowed: string[] = []
      for (const uri of filter.resourceSubscriptions ?? []) {
        const forbidden = await forbiddenIn(policy, visitor, {
          method: 'resources/subscribe',
          params: { uri },
        })
        if (forbidden === null) allowed.push(uri)
      }
      const honoured = filter.resourceSubscriptions ? { resourceSubscriptions: allowed } : {}
      await peer.listen(visitor, { ...filter, ...honoured }, hooks)
    },
  }
}
