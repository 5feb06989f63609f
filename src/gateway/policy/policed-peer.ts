// Owns the operator's policy where a peer is spoken to: what is forbidden does not reach it, and its lists leave that out.

import type { Peer, PeerAnswer, PeerHooks, PeerRequest, Visitor } from '../../mcp/peer.ts'
import type { Policy } from '../../oauth/policy.ts'
import type { Tools } from '../../oauth/tool.ts'
import type { Upstream } from '../../upstreams/registry.ts'
import type { ToolsOf } from '../access.ts'
import { asksWhatReads, describeForbidden, findForbidden } from './forbidden.ts'
import type { Asking } from './uses.ts'
import { isListMethod, shownTo, viewOf } from './visible.ts'

export interface Policing {
  readonly policy: Policy | null
  readonly toolsOf: ToolsOf
}

/** The one code for what is refused to a caller, as at the edge. */
const FORBIDDEN = 403
const NO_TOOLS: Tools = new Map()

/** The peer itself when there is no policy. */
export function policedPeer(peer: Peer, upstream: Upstream, { policy, toolsOf }: Policing): Peer {
  if (policy === null) return peer

  async function forbiddenIn({ caller }: Visitor, asking: Asking): Promise<string | null> {
    const question = { policy, upstream, caller, messages: [asking] }
    const { name } = asking.params
    const asked = asking.method === 'tools/call' && typeof name === 'string' && asksWhatReads(question)
    const tools = asked ? await toolsOf(upstream, [name], caller) : NO_TOOLS
    const forbidden = findForbidden(question, (tool) => tools.get(tool)?.readOnly === true)
    return forbidden && describeForbidden(forbidden)
  }

  async function request(visitor: Visitor, asked: PeerRequest, hooks: PeerHooks): Promise<PeerAnswer> {
    const message = await forbiddenIn(visitor, asked)
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
      const allowed: string[] = []
      for (const uri of filter.resourceSubscriptions ?? []) {
        const forbidden = await forbiddenIn(visitor, { method: 'resources/subscribe', params: { uri } })
        if (forbidden === null) allowed.push(uri)
      }
      const honoured = filter.resourceSubscriptions ? { resourceSubscriptions: allowed } : {}
      await peer.listen(visitor, { ...filter, ...honoured }, hooks)
    },
  }
}
