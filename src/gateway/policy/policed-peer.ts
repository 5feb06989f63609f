// Owns the operator's policy where a peer is spoken to: what is forbidden does not reach it, and its lists leave that out.

import { rounded } from '../../mcp/exact-json.ts'
import type { Peer, PeerAnswer, PeerHooks, PeerRequest, Visitor } from '../../mcp/peer.ts'
import type { Policy } from '../../oauth/policy.ts'
import type { StandingPolicy } from '../../oauth/standing-policy.ts'
import type { Tools } from '../../oauth/tool.ts'
import type { Upstream } from '../../upstreams/registry.ts'
import type { ToolsOf } from '../access.ts'
import type { AsJudged } from '../tasks/judged.ts'
import { asksForArguments, asksWhatReads, describeForbidden, findForbidden } from './forbidden.ts'
import { type Asking, usesOf } from './uses.ts'
import { isListMethod, shownTo, viewOf } from './visible.ts'

export interface Policing {
  readonly policy: Pick<StandingPolicy, 'current'>
  readonly toolsOf: ToolsOf
  readonly judged: AsJudged
}

/** The one code for what is refused to a caller, as at the edge. */
const FORBIDDEN = 403
const NO_TOOLS: Tools = new Map()

export function policedPeer(peer: Peer, upstream: Upstream, needs: Policing): Peer {
  async function forbiddenIn(policy: Policy, { caller }: Visitor, asking: Asking): Promise<string | null> {
    const messages = needs.judged([asking], upstream.name, caller)
    const written = { policy, upstream, caller, messages }
    // Rules compare numbers.
    const question = asksForArguments(written) ? { ...written, messages: messages.map(withNumbers) } : written
    const named = messages.flatMap(usesOf).flatMap(({ kind, name }) => (kind === 'tool' ? [name] : []))
    const asked = named.length > 0 && asksWhatReads(question)
    const tools = asked ? await needs.toolsOf(upstream, named, caller) : NO_TOOLS
    const forbidden = findForbidden(question, (tool) => tools.get(tool)?.readOnly === true)
    return forbidden && describeForbidden(forbidden)
  }

  async function allowedOf(
    policy: Policy,
    visitor: Visitor,
    names: readonly string[],
    askingFor: (name: string) => Asking,
  ): Promise<readonly string[]> {
    const allowed: string[] = []
    for (const name of names)
      if ((await forbiddenIn(policy, visitor, askingFor(name))) === null) allowed.push(name)
    return allowed
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
      const { resourceSubscriptions: uris, taskIds: ids } = filter
      const readable = (uri: string) => ({ method: 'resources/subscribe', params: { uri } })
      const followed = (taskId: string) => ({ method: 'tasks/get', params: { taskId } })
      const honoured = {
        ...(uris && { resourceSubscriptions: await allowedOf(policy, visitor, uris, readable) }),
        ...(ids && { taskIds: await allowedOf(policy, visitor, ids, followed) }),
      }
      await peer.listen(visitor, { ...filter, ...honoured }, hooks)
    },
  }
}

function withNumbers({ method, params }: Asking): Asking {
  return { method, params: { ...params, arguments: rounded(params.arguments) } }
}
