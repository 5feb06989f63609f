// Owns the probe: which eras an upstream speaks over Streamable HTTP, asked of the upstream itself.

import { discard } from '../http/answer-body.ts'
import type { Connections } from '../http/connections.ts'
import { LEGACY_REVISIONS } from '../mcp/era.ts'
import { DISCOVER, type PeerAnswer, PeerFailure, type Visitor } from '../mcp/peer.ts'
import { EraMismatch } from './era-mismatch.ts'
import { within } from './legacy/within.ts'
import { readAnswer } from './modern/answer.ts'
import { isModernError } from './modern/discovery.ts'
import { bodyOf, mirroringHeaders } from './modern/message.ts'

export interface Eras {
  readonly modern: boolean
  readonly legacy: boolean
  /** It answered the handshake, and the modern request in a way that says nothing. */
  readonly isGuess?: true
}

export interface ProbeNeeds {
  readonly connections: Connections
  readonly url: string
  /** Static headers and the credentials of whoever asks. */
  readonly headers: Readonly<Record<string, string>>
  readonly visitor: Visitor
  /** For each of its answers; null: as long as for others. */
  readonly patienceMs: number | null
}

/**
 * `none`: nobody is let in, or nobody is there. `unclear`: it fails, stays silent, or answers with something else altogether,
 * which is what a server may do about a request of another era than its own.
 */
type Sign = boolean | 'none' | 'unclear'

const PROBE_MS = 10_000
const SILENT_MS = 2_000
const MAX_ANSWER_BYTES = 1024 * 1024
const [NEWEST_LEGACY] = LEGACY_REVISIONS

/**
 * MCP 2026-07-28, Streamable HTTP, "Backward Compatibility": the modern request first. `initialize` is sent in any case: a
 * server may speak both. Null when the upstream does not say. Never rejects.
 */
export async function probeEras(needs: ProbeNeeds): Promise<Eras | null> {
  const discovering = discovers(needs)
  // Whoever is silent about the one is asked the other meanwhile: nobody should wait for both, one after the other.
  if ((await within(SILENT_MS, discovering, 'unclear')) === 'none') return null
  const [modern, handshake] = await Promise.all([discovering, initializes(needs)])
  if (modern === 'none') return null
  const legacy = handshake === true
  if (modern === 'unclear') return legacy ? { modern: false, legacy, isGuess: true } : null
  return modern || legacy ? { modern, legacy } : null
}

async function discovers(needs: ProbeNeeds): Promise<Sign> {
  const body = bodyOf(1, needs.visitor, DISCOVER)
  const answered = await post(needs, mirroringHeaders(DISCOVER), body)
  if (typeof answered === 'string') return answered
  const { answer } = answered
  if (answer?.kind === 'result') return Array.isArray(answer.result.supportedVersions)
  return answer !== null && isModernError(answer.error)
}

/** The session that it opens is closed again. */
async function initializes(needs: ProbeNeeds): Promise<Sign> {
  const params = {
    protocolVersion: NEWEST_LEGACY,
    capabilities: {},
    clientInfo: { name: 'gatehouse', version: '1' },
  }
  const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'initialize', params })
  const answered = await post(needs, LEGACY_HEADERS, body)
  if (typeof answered === 'string') return answered
  if (answered.session !== null) await endSession(needs, answered.session)
  return answered.answer?.kind === 'result' && typeof answered.answer.result.protocolVersion === 'string'
}

const LEGACY_HEADERS = { accept: 'application/json, text/event-stream', 'content-type': 'application/json' }

interface Answered {
  /** Null: refused in a way that says only that it was not understood. */
  readonly answer: PeerAnswer | null
  readonly session: string | null
}

/** 401, 403, 5xx and silence say nothing about the era (nor does 429, which is about the moment). */
async function post(
  { connections, url, headers, patienceMs }: ProbeNeeds,
  own: Readonly<Record<string, string>>,
  body: string,
): Promise<Answered | 'none' | 'unclear'> {
  const signal = AbortSignal.timeout(Math.min(patienceMs ?? PROBE_MS, PROBE_MS))
  const all = { ...headers, ...own }
  try {
    const incoming = await connections.request({ method: 'POST', url, headers: all, body, signal })
    const id = incoming.headers['mcp-session-id']
    const session = typeof id === 'string' ? id : null
    const expected = { id: 1, method: 'server/discover', maxBytes: MAX_ANSWER_BYTES, notify: () => undefined }
    if (incoming.status >= 500) return await discard(incoming.body).then(() => 'unclear' as const)
    return { answer: await readAnswer(incoming, expected), session }
  } catch (error) {
    if (!(error instanceof EraMismatch)) return isSilence(error, signal) ? 'unclear' : 'none'
    return { answer: error.error && { kind: 'error', error: error.error }, session: null }
  }
}

function isSilence(error: unknown, signal: AbortSignal): boolean {
  return signal.aborted || (error instanceof PeerFailure && error.reason === 'answer')
}

async function endSession({ connections, url, headers }: ProbeNeeds, session: string): Promise<void> {
  const signal = AbortSignal.timeout(PROBE_MS)
  const own = { 'mcp-session-id': session, 'mcp-protocol-version': NEWEST_LEGACY }
  const request = { method: 'DELETE' as const, url, headers: { ...headers, ...own }, body: null, signal }
  await connections
    .request(request)
    .then(({ body }) => discard(body))
    .catch(() => undefined)
}
