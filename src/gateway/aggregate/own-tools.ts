// Owns the aggregate's own tools: which upstreams there are, how they stand, and who is asking. They only read.

import { SERVER_INFO } from '../../mcp/meta.ts'
import type { PeerAnswer, Visitor } from '../../mcp/peer.ts'
import type { Members } from '../../mcp/rpc.ts'
import type { Caller } from '../../oauth/caller.ts'
import { formatScope, upstreamScopes } from '../../oauth/scope.ts'
import type { Upstream } from '../../upstreams/registry.ts'
import type { Asking, Member } from './member.ts'
import type { OwnTool } from './names.ts'
import { AGGREGATE_INFO } from './shown.ts'
import { upstreamStatus } from './upstream-status.ts'

export interface OwnToolNeeds {
  readonly visitor: Visitor
  readonly arguments: Members
  readonly members: readonly Member[]
  /** The URL of an upstream's own resource here. */
  readonly addressOf: (upstream: Upstream) => string
  /** The email address of a person; null for a machine, or when it is not known. */
  readonly emailOf: (caller: Caller) => Promise<string | null>
  readonly asking: Asking
  /** Milliseconds. */
  readonly clock: () => number
}

const NAME = { type: 'string', description: 'The name of a server, as list_upstreams gives it' }
const TEXT = { type: 'string' }
const TEXT_OR_NULL = { type: ['string', 'null'] }

/** As `tools/list` has them. */
export const OWN_TOOL_LIST: readonly Members[] = [
  tool(
    'list_upstreams',
    'List servers',
    'The servers that answer here, and what this app may do at each.',
    {},
    {
      upstreams: listOf({
        name: TEXT,
        title: TEXT,
        address: TEXT,
        access: TEXT,
        granted: listOf(),
        scopes: listOf(),
      }),
    },
  ),
  tool(
    'upstream_status',
    'Status of servers',
    'Asks the servers that this app may use, or one of them, whether they answer, or want a login first.',
    { upstream: NAME },
    {
      upstreams: listOf({
        name: TEXT,
        status: TEXT,
        reason: TEXT_OR_NULL,
        description: TEXT_OR_NULL,
        milliseconds: { type: 'number' },
      }),
    },
  ),
  tool(
    'whoami',
    'Who am I',
    'The account and the app that this access belongs to, what it allows and until when.',
    {},
    {
      account: TEXT,
      email: TEXT_OR_NULL,
      client: TEXT,
      scopes: listOf(),
      resource: TEXT,
      expiresAt: TEXT_OR_NULL,
    },
  ),
]

const RUN: Readonly<Record<OwnTool, (needs: OwnToolNeeds) => Promise<Members> | Members>> = {
  list_upstreams: listUpstreams,
  upstream_status: (needs) => upstreamStatus(needs, needs.arguments.upstream),
  whoami: whoAmI,
}

export async function runOwnTool(name: OwnTool, needs: OwnToolNeeds): Promise<PeerAnswer> {
  const structuredContent = await RUN[name](needs)
  const content = [{ type: 'text', text: JSON.stringify(structuredContent, null, 2) }]
  const _meta = { [SERVER_INFO]: AGGREGATE_INFO }
  return { kind: 'result', result: { resultType: 'complete', content, structuredContent, _meta } }
}

function listUpstreams({ visitor: { caller }, members, addressOf }: OwnToolNeeds): Members {
  return {
    upstreams: members.map(({ upstream }) => {
      const scopes = upstreamScopes(upstream)
      const granted = scopes.filter((scope) => caller.scopes.has(scope))
      const access = granted.length === 0 ? 'none' : granted.includes(upstream.name) ? 'everything' : 'some'
      const { name, title } = upstream
      return { name, title, address: addressOf(upstream), access, granted, scopes }
    }),
  }
}

async function whoAmI({ visitor: { caller }, emailOf }: OwnToolNeeds): Promise<Members> {
  return {
    account: caller.subject,
    email: await emailOf(caller),
    client: caller.clientId,
    scopes: formatScope(caller.scopes).split(' '),
    resource: caller.resource,
    expiresAt: momentOf(caller.expiresAt),
  }
}

/** Null for a key that does not expire, which no date reaches. */
function momentOf(seconds: number): string | null {
  const moment = new Date(seconds * 1000)
  return Number.isNaN(moment.getTime()) ? null : moment.toISOString()
}

function tool(
  name: OwnTool,
  title: string,
  description: string,
  properties: Members,
  said: Members,
): Members {
  return {
    name,
    title,
    description,
    inputSchema: { type: 'object', properties, additionalProperties: false },
    outputSchema: { type: 'object', properties: said, required: Object.keys(said) },
    annotations: {
      title,
      readOnlyHint: true,
      destructiveHint: false,
      idempotentHint: true,
      openWorldHint: false,
    },
  }
}

function listOf(properties?: Members): Members {
  return { type: 'array', items: properties === undefined ? TEXT : { type: 'object', properties } }
}
