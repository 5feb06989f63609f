// Owns the words with which a client is asked to have its person log in at an upstream, and how it comes back. Pure.

import type { PeerAnswer, PeerRequest, Visitor } from '../../mcp/peer.ts'
import { isRecord, type Members } from '../../mcp/rpc.ts'
import type { Caller } from '../../oauth/caller.ts'
import { parseScope } from '../../oauth/scope.ts'
import { type AskForLogin, CONNECT_STATE_PREFIX, isConnectState } from '../credentials.ts'
import type { States } from '../legacy/request-state.ts'
import type { Upstream } from '../registry.ts'
import { elsewhere, type WhoConnects } from './who-connects.ts'

export interface Connecting {
  /** Where this caller logs in; of no use to anybody else. `scope`: what the login they have is lacking. */
  linkFor(caller: Caller, upstream: string, scope: string | null): string
  whoConnects(caller: Caller, upstream: Upstream): Promise<WhoConnects>
  /** What the login that there is was asked for, whether it was given or not. */
  askedFor(caller: Caller, upstream: Upstream): Promise<ReadonlySet<string>>
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
  const who = await connecting.whoConnects(visitor.caller, upstream)
  if (who.kind !== 'caller') return said(request, elsewhere(who, upstream, lacking !== null))
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

/**
 * Once for each call (`than`), and not for what was asked for already and not given: a server that is never content must not
 * send anybody in circles (MCP, "Scope Challenge Handling").
 */
export async function askForMore(
  request: PeerRequest,
  visitor: Visitor,
  upstream: Upstream,
  connecting: Connecting,
  { lacking, than }: { readonly lacking: Lacking; readonly than: string | null },
): Promise<PeerAnswer> {
  const { caller } = visitor
  const asked = await connecting.askedFor(caller, upstream)
  const isNew = [...parseScope(lacking.scope)].some((scope) => !asked.has(scope))
  if (than === null && isNew) return askToConnect(request, visitor, upstream, connecting, lacking)
  const who = await connecting.whoConnects(caller, upstream)
  const again =
    who.kind === 'caller'
      ? ` If it should, log in there again: ${connecting.linkFor(caller, upstream.name, null)}`
      : ''
  return said(request, `${upstream.title} does not allow this with the login that there is.${again}`)
}

/** For those who ask anew: nothing tells that it is the same call. */
export function createAskForLogin(connecting: Connecting): AskForLogin {
  return (visitor, request, upstream, scope) =>
    scope === null
      ? askToConnect(request, visitor, upstream, connecting)
      : askForMore(request, visitor, upstream, connecting, { lacking: { scope, than: '' }, than: null })
}

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
