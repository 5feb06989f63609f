// Owns how a client of the legacy era is asked for a login, or for more of one, while its session passes through.

import { isRecord, type RpcId } from '../mcp/rpc.ts'
import type { AskForLogin } from '../upstreams/credentials.ts'
import type { Upstream } from '../upstreams/registry.ts'
import { CREDENTIALS } from './answer.ts'
import { linksRequired, WITH_URL_MODE } from './bridge/legacy/questions.ts'
import { errorResponse, responseTo, toPeer } from './bridge/legacy/translation.ts'
import { traceIn } from './bridge/trace.ts'
import type { UpstreamCall } from './call.ts'
import type { RpcMessage } from './message.ts'
import { Refusal, rpcRefusal } from './refusal.ts'
import type { Sealer } from './session.ts'
import { openSession } from './session.ts'

export interface AskNeeds {
  readonly askForLogin?: AskForLogin
  readonly sessions: Sealer
}

/** What is remembered of an `initialize` whose session may need it. */
export function opensLinks({ place, messages: [message] }: UpstreamCall): boolean {
  if (!isOfPerson(place.upstream, null) || message?.method !== 'initialize') return false
  const { capabilities } = message.params
  return (
    isRecord(capabilities) && isRecord(capabilities.elicitation) && isRecord(capabilities.elicitation.url)
  )
}

/** Whether a person can do something about it: a key has no scope that we could ask for. */
function isOfPerson({ auth }: Upstream, scope: string | null): boolean {
  if (auth?.type === 'oauth2') return auth.grant === 'authorization_code'
  const isPasted = auth?.type === 'api-key' || (auth?.type === 'id-jag' && auth.identityProvider !== null)
  return isPasted && scope === null
}

/** A request in a session that was begun with a login which is over; or at an upstream that has no sessions. */
export function isInPassingSession(call: UpstreamCall, sealer: Sealer): boolean {
  if (call.modern || call.ids.length === 0 || call.messages[0]?.method === 'initialize') return false
  return call.req.headers['mcp-session-id'] === undefined || sessionOf(call, sealer) !== null
}

/**
 * The answer that asks: as MCP 2025-11-25 does it, "URL Elicitation Required Error", where the client opens links, else as a
 * text that has the link in it. `scope`: what the login lacks; null when there is none.
 */
export async function askInSession(
  call: UpstreamCall,
  scope: string | null,
  needs: AskNeeds,
): Promise<Refusal> {
  const { askForLogin, sessions } = needs
  const requests = call.messages.flatMap((message) =>
    message.kind === 'request' && message.id !== null ? [{ message, id: message.id }] : [],
  )
  if (!askForLogin || requests.length === 0 || !isOfPerson(call.place.upstream, scope))
    return rpcRefusal({ ...CREDENTIALS, ids: call.ids })
  const links =
    call.req.headers['mcp-protocol-version'] === WITH_URL_MODE && sessionOf(call, sessions)?.opensLinks
  const capabilities = links ? { elicitation: { url: {} } } : {}
  const ask = { call, scope, askForLogin, capabilities }
  const answers = await Promise.all(requests.map(({ message, id }) => answerTo(message, id, ask)))
  const body = JSON.stringify(answers.length > 1 ? answers : answers[0])
  return new Refusal({ status: 200, reason: CREDENTIALS.reason, body })
}

interface Ask {
  readonly call: UpstreamCall
  readonly scope: string | null
  readonly askForLogin: AskForLogin
  readonly capabilities: object
}

async function answerTo({ method, params }: RpcMessage, id: RpcId, ask: Ask): Promise<object> {
  const { call, scope, askForLogin, capabilities } = ask
  const { caller, place, req } = call
  const visitor = {
    caller,
    clientInfo: null,
    capabilities: { ...capabilities },
    logLevel: null,
    trace: traceIn(req.headers),
  }
  const request = toPeer(method ?? '', params)
  const answer = await askForLogin(visitor, request, place.upstream, scope)
  const links = answer.kind === 'result' ? linksRequired(answer.result.inputRequests) : null
  return links === null ? responseTo(id, request, answer) : errorResponse(id, links)
}

function sessionOf({ req, caller, place, ids }: UpstreamCall, sealer: Sealer) {
  const handle = req.headers['mcp-session-id']
  if (typeof handle !== 'string') return null
  try {
    return openSession(sealer, handle, caller, place.upstream.name, ids)
  } catch (error) {
    if (error instanceof Refusal) return null
    throw error
  }
}
