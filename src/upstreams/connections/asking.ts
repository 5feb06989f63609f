// Owns the words with which a client is asked to have its person log in at an upstream, and how it comes back. Pure.

import type { Discovery, PeerAnswer, PeerRequest, Visitor } from '../../mcp/peer.ts'
import { isRecord, type Members } from '../../mcp/rpc.ts'
import type { Caller } from '../../oauth/caller.ts'
import { CONNECT_STATE_PREFIX, isConnectState } from '../credentials.ts'
import type { States } from '../legacy/request-state.ts'
import type { Upstream } from '../registry.ts'
import { isShared, wantsLogin } from './binding.ts'

export interface Connecting {
  /** Where this caller logs in; of no use to anybody else. `scope`: what the login they have is lacking. */
  linkFor(caller: Caller, upstream: string, scope: string | null): string
  /** What everybody shares, an administrator makes: a link is of use to nobody else. */
  mayConnect(caller: Caller, upstream: Upstream): Promise<boolean>
  /** Of the calls that are asked to come back. */
  states(upstream: Upstream): States
  read(request: PeerRequest, visitor: Visitor, upstream: Upstream): CameBack
}

export interface CameBack {
  /** Null: it is asked for the first time, or it is the upstream's own state. */
  readonly cameBack: 'accepted' | 'declined' | null
  /** What it had lacked something: there has to be another one. A digest. */
  readonly than: string | null
  /** The request as it was before it was asked to come back. */
  readonly plain: PeerRequest
}

const KEY = 'connect'
const URL_MODE = 'url'

export function createConnecting(needs: Omit<Connecting, 'read'>): Connecting {
  return {
    ...needs,
    read(request, visitor, upstream) {
      const { requestState, inputResponses } = request
      if (requestState === null || !isConnectState(requestState))
        return { cameBack: null, than: null, plain: request }
      const state = needs
        .states(upstream)
        .open(requestState.slice(CONNECT_STATE_PREFIX.length), visitor, request)
      const answer = inputResponses?.[KEY]
      const accepted = isRecord(answer) && answer.action === 'accept'
      const plain = { ...request, requestState: null, inputResponses: null }
      const than = state.kind === 'again' ? (state.than ?? null) : null
      return { cameBack: accepted ? 'accepted' : 'declined', than, plain }
    },
  }
}

/** What a login lacks: the scope that the upstream named, and a digest of what was presented. */
export interface Lacking {
  readonly scope: string
  readonly than: string
}

/** In the way that this client can show best: as a link to open, or as a text with the link. */
export async function askToConnect(
  request: PeerRequest,
  visitor: Visitor,
  upstream: Upstream,
  connecting: Connecting,
  lacking: Lacking | null = null,
): Promise<PeerAnswer> {
  if (!(await connecting.mayConnect(visitor.caller, upstream))) return said(request, OPERATOR_FIRST(upstream))
  const url = connecting.linkFor(visitor.caller, upstream.name, lacking?.scope ?? null)
  const wish = lacking === null ? 'wants you to log in first.' : 'wants you to allow more for this.'
  if (!opensLinks(visitor.capabilities) || !CAN_WAIT.has(request.method))
    return said(request, `${upstream.title} ${wish} Open this link, then try again: ${url}`)
  const message = `${upstream.title} ${wish}`
  const elicitation = { method: 'elicitation/create', params: { mode: URL_MODE, message, url } }
  const state = connecting
    .states(upstream)
    .seal({ kind: 'again', ...(lacking && { than: lacking.than }) }, visitor, request)
  return {
    kind: 'result',
    result: {
      resultType: 'input_required',
      inputRequests: { [KEY]: elicitation },
      requestState: CONNECT_STATE_PREFIX + state,
    },
  }
}

const OPERATOR_FIRST = ({ title }: Upstream): string =>
  `${title} has one login for everybody here, and nobody has made it yet. An administrator has to log in there first; then try again.`

/** MCP 2026-07-28, basic/patterns/mrtr.mdx: only these may be answered by a question. */
const CAN_WAIT: ReadonlySet<string> = new Set(['tools/call', 'prompts/get', 'resources/read'])

function opensLinks({ elicitation }: Members): boolean {
  return isRecord(elicitation) && elicitation[URL_MODE] !== undefined
}

/** As the result of a tool, which a model reads to its person; else as an error. */
export function said({ method }: PeerRequest, text: string, isError = true): PeerAnswer {
  if (method !== 'tools/call') return { kind: 'error', error: { code: 403, message: text } }
  const result = { resultType: 'complete', isError, content: [{ type: 'text', text }] }
  return { kind: 'result', result }
}

/** Its title would do, but for the characters. */
export function connectToolName({ name }: Upstream): string {
  return `connect_${name.replace(/-/g, '_')}`
}

export function isConnectTool({ method, params }: PeerRequest, upstream: Upstream): boolean {
  return method === 'tools/call' && params.name === connectToolName(upstream)
}

/** What there is before the login. Nothing of it is to be kept. */
export function emptyAnswer({ method }: PeerRequest, upstream: Upstream): PeerAnswer | null {
  const nothing = EMPTY.get(method)
  if (nothing === undefined) return null
  const found = method === 'tools/list' ? { tools: [connectTool(upstream)] } : nothing
  return {
    kind: 'result',
    result: { resultType: 'complete', ttlMs: 0, cacheScope: 'private', ...found },
  }
}

const EMPTY: ReadonlyMap<string, Members> = new Map([
  ['tools/list', { tools: [] }],
  ['prompts/list', { prompts: [] }],
  ['resources/list', { resources: [] }],
  ['resources/templates/list', { resourceTemplates: [] }],
])

function whyConnect(upstream: Upstream): string {
  if (wantsLogin(upstream) && isShared(upstream))
    return `${upstream.title} has one login for everybody here, which an administrator makes before its tools can be used. Call this to learn what to do.`
  return `${upstream.title} wants the user to log in before its tools can be used. Call this to get the link to open.`
}

function connectTool(upstream: Upstream): Members {
  return {
    name: connectToolName(upstream),
    title: `Log in at ${upstream.title}`,
    description: whyConnect(upstream),
    inputSchema: { type: 'object', properties: {}, additionalProperties: false },
    annotations: { readOnlyHint: true, openWorldHint: true },
  }
}

export function placeholder(upstream: Upstream): Discovery {
  return {
    capabilities: { tools: { listChanged: true } },
    serverInfo: { name: upstream.name, title: upstream.title, version: '0' },
    instructions: `${upstream.title} wants a login first. The tool ${connectToolName(upstream)} says how; afterwards its own tools are there.`,
  }
}
