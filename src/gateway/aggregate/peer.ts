// Owns the aggregate as a peer: each request goes to the upstream it belongs to, or to all, and comes back in shown words.

import {
  type Peer,
  type PeerAnswer,
  PeerFailure,
  type PeerHooks,
  type PeerRequest,
  type Visitor,
} from '../../mcp/peer.ts'
import { INVALID_PARAMS, isRecord, METHOD_NOT_FOUND, type RpcNotification } from '../../mcp/rpc.ts'
import { TASK_METHOD } from '../../mcp/tasks.ts'
import type { StandingPolicy } from '../../oauth/standing-policy.ts'
import { mayAsk } from './decide.ts'
import { mergedDiscovery, passableCapabilities } from './discovery.ts'
import { listenToAll } from './listening.ts'
import { isList, listAll } from './lists.ts'
import { type Asking, askEach, type Member } from './member.ts'
import type { NameIndex } from './name-index.ts'
import { OWN_TOOL_LIST, type OwnToolNeeds, runOwnTool } from './own-tools.ts'
import { createPatience } from './patience.ts'
import type { FindRoute, Part } from './route.ts'
import { shownError, shownNotification, shownResult } from './shown.ts'
import { within } from './within.ts'

export interface AggregatePeerNeeds
  extends Pick<OwnToolNeeds, 'addressOf' | 'emailOf' | 'clock'>,
    Pick<Asking, 'report'> {
  /** How long the others' answers wait for one that has none. */
  readonly limitMs: number
  readonly policy: Pick<StandingPolicy, 'current'>
  readonly members: readonly Member[]
  readonly names: NameIndex
  readonly findRoute: FindRoute
}

/** Whether the caller may make a targeted request was decided before; what is asked of all leaves out whom it may not ask. */
export function createAggregatePeer(needs: AggregatePeerNeeds): Peer {
  const { members, findRoute, limitMs, report } = needs
  const patience = createPatience(limitMs, needs.clock)

  function asking(visitor: Visitor, method: string, signal: AbortSignal): Asking {
    const wait: Asking['wait'] = (member, ask) => patience.wait({ member, visitor, method, signal }, ask)
    return { wait, report }
  }

  function membersFor({ caller }: Visitor, method: string): readonly Member[] {
    const policy = needs.policy.current()
    return members.filter(({ upstream }) => mayAsk({ caller, policy, upstream }, method))
  }

  async function requestOne(
    { upstream, params }: Part,
    visitor: Visitor,
    request: PeerRequest,
    hooks: PeerHooks,
  ): Promise<PeerAnswer> {
    const member = members.find((each) => each.upstream === upstream)
    if (!member) throw new PeerFailure('unreachable')
    const { name } = upstream
    const answer = await member.peer.request(
      guestOf(visitor),
      // What it asked for and the state it gave come back to it as they are: the name or the URI leads there again.
      { ...request, params },
      { signal: hooks.signal, notify: shownTo(hooks, name) },
    )
    return answer.kind === 'result'
      ? { kind: 'result', result: shownResult(name, request.method, answer.result) }
      : { kind: 'error', error: shownError(name, answer.error) }
  }

  function requestAll(visitor: Visitor, request: PeerRequest, hooks: PeerHooks): Promise<PeerAnswer> {
    const guest = guestOf(visitor)
    return listAll({
      ...needs,
      members: membersFor(visitor, request.method),
      visitor: guest,
      request,
      asking: asking(guest, request.method, hooks.signal),
      notify: (upstream) => shownTo(hooks, upstream),
      own: request.method === 'tools/list' ? OWN_TOOL_LIST : [],
    })
  }

  return {
    async discover(visitor, signal) {
      const asked = membersFor(visitor, 'server/discover')
      const guest = guestOf(visitor)
      const patient = asking(guest, 'server/discover', signal)
      return mergedDiscovery(
        await askEach(asked, patient, ({ peer }, either) => peer.discover(guest, either)),
        asked,
      )
    },

    async request(visitor, request, hooks) {
      const route = await findRoute(request, visitor)
      const [part] = route.kind === 'each' ? route.parts : []
      if (part) return requestOne(part, visitor, request, hooks)
      if (route.kind === 'own') {
        const { arguments: given } = request.params
        const wait: Asking['wait'] = (_, ask) => within(limitMs, hooks.signal, ask)
        const whole = { wait, report }
        return runOwnTool(route.tool, {
          ...needs,
          visitor,
          asking: whole,
          arguments: isRecord(given) ? given : {},
        })
      }
      if (route.kind === 'nowhere') return unknown(request)
      return isList(request.method) ? requestAll(visitor, request, hooks) : noSuchMethod()
    },

    listen(visitor, filter, hooks) {
      const asked = membersFor(visitor, 'subscriptions/listen')
      return listenToAll(asked, { visitor: guestOf(visitor), filter, hooks, limitMs })
    },
  }
}

function guestOf(visitor: Visitor): Visitor {
  return { ...visitor, capabilities: passableCapabilities(visitor.capabilities) }
}

function shownTo({ notify }: PeerHooks, upstream: string): PeerHooks['notify'] {
  return (notification: RpcNotification) => notify(shownNotification(upstream, notification))
}

/** MCP 2026-07-28, server/tools.mdx, server/prompts.mdx, server/resources.mdx, "Error Handling". */
function unknown({ method, params }: PeerRequest): PeerAnswer {
  if (method.startsWith(TASK_METHOD))
    return { kind: 'error', error: { code: INVALID_PARAMS, message: 'Task not found' } }
  if (method.startsWith('resources/'))
    return {
      kind: 'error',
      error: { code: INVALID_PARAMS, message: 'Resource not found', data: { uri: params.uri } },
    }
  const what = method === 'tools/call' ? 'tool' : method === 'prompts/get' ? 'prompt' : 'reference'
  return { kind: 'error', error: { code: INVALID_PARAMS, message: `Unknown ${what}` } }
}

function noSuchMethod(): PeerAnswer {
  return { kind: 'error', error: { code: METHOD_NOT_FOUND, message: 'Method not found' } }
}
