// Owns where a message to the aggregate leads: to which upstream, and in that upstream's own words.

import type { Visitor } from '../../mcp/peer.ts'
import { isRecord, type Members } from '../../mcp/rpc.ts'
import type { Upstream } from '../../upstreams/registry.ts'
import { upstreamOfTask } from '../tasks/handle.ts'
import type { Member } from './member.ts'
import type { NamedKind, NameIndex } from './name-index.ts'
import { isOwnTool, type OwnTool, readName } from './names.ts'
import { ownUris, readUri } from './uris.ts'

/** What one upstream is asked, as if it had been asked itself. */
export interface Part {
  readonly upstream: Upstream
  readonly params: Members
}

export type Route =
  /** Each is needed. */
  | { readonly kind: 'each'; readonly parts: readonly Part[] }
  /** Every upstream is asked; those that the caller may not ask are left out. */
  | { readonly kind: 'all' }
  /** Answered here. */
  | { readonly kind: 'own'; readonly tool: OwnTool }
  /** It names something that no upstream has. */
  | { readonly kind: 'nowhere' }

export interface Asked {
  readonly method: string | null
  readonly params: Members
}

export type FindRoute = (asked: Asked, visitor: Visitor) => Promise<Route>

const ALL: Route = { kind: 'all' }
const NOWHERE: Route = { kind: 'nowhere' }

/** Rejects with a PeerFailure when the upstream that alone knows a shortened name has no answer. */
export function createRoutes(members: readonly Member[], names: NameIndex): FindRoute {
  const memberNamed = (name: string) => members.find(({ upstream }) => upstream.name === name)

  async function byName(
    kind: NamedKind,
    shown: unknown,
    visitor: Visitor,
    paramsOf: (name: string, upstream: string) => Members,
  ): Promise<Route> {
    const read = typeof shown === 'string' ? readName(shown) : null
    const member = read === null ? undefined : memberNamed(read.upstream)
    if (read === null || member === undefined) return NOWHERE
    const name = read.name ?? (await names.find(kind, member, String(shown), visitor))
    return name === null ? NOWHERE : one(member, paramsOf(name, member.upstream.name))
  }

  function byUri(shown: unknown, paramsOf: (uri: string) => Members): Route {
    const read = typeof shown === 'string' ? readUri(shown) : null
    const member = read === null ? undefined : memberNamed(read.upstream)
    return read === null || member === undefined ? NOWHERE : one(member, paramsOf(read.uri))
  }

  function byReference(params: Members, visitor: Visitor): Promise<Route> | Route {
    const { ref } = params
    if (!isRecord(ref)) return NOWHERE
    if (ref.type === 'ref/prompt')
      return byName('prompts', ref.name, visitor, (name) => ({ ...params, ref: { ...ref, name } }))
    return byUri(ref.uri, (uri) => ({ ...params, ref: { ...ref, uri } }))
  }

  /** Each upstream knows its own handles: see tasks/handle.ts. */
  function byTask(handle: unknown, params: Members): Route {
    const name = upstreamOfTask(handle)
    const member = name === null ? undefined : memberNamed(name)
    return member === undefined ? NOWHERE : one(member, params)
  }

  function bySubscription({ notifications }: Members): Route {
    const { resourceSubscriptions, taskIds } = isRecord(notifications) ? notifications : {}
    const routes = [
      ...listed(resourceSubscriptions).map((each) => byUri(each, (uri) => ({ uri }))),
      ...listed(taskIds).map((each) => byTask(each, { notifications: { taskIds: [each] } })),
    ]
    const parts = routes.flatMap((route) => (route.kind === 'each' ? route.parts : []))
    return parts.length === 0 ? ALL : { kind: 'each', parts }
  }

  return async ({ method, params }, visitor) => {
    switch (method) {
      case 'tools/call':
        if (isOwnTool(params.name)) return { kind: 'own', tool: params.name }
        return byName('tools', params.name, visitor, (name, upstream) => ({
          ...params,
          name,
          ...('arguments' in params && { arguments: ownUris(upstream, params.arguments) }),
        }))
      case 'prompts/get':
        return byName('prompts', params.name, visitor, (name) => ({ ...params, name }))
      case 'resources/read':
      case 'resources/subscribe':
      case 'resources/unsubscribe':
        return byUri(params.uri, (uri) => ({ ...params, uri }))
      case 'completion/complete':
        return byReference(params, visitor)
      case 'subscriptions/listen':
        return bySubscription(params)
      case 'tasks/get':
      case 'tasks/update':
      case 'tasks/cancel':
        return byTask(params.taskId, params)
      default:
        return ALL
    }
  }
}

function listed(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : []
}

function one({ upstream }: Member, params: Members): Route {
  return { kind: 'each', parts: [{ upstream, params }] }
}
