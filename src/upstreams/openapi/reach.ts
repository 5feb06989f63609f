// Owns asking an HTTP API whether it is there, which its document cannot say.

import { discard } from '../../http/answer-body.ts'
import type { Connections } from '../../http/connections.ts'
import { type PeerAnswer, PeerFailure } from '../../mcp/peer.ts'
import { failureOf, peerFailure } from '../legacy/http-answer.ts'
import type { Api } from './load.ts'

const NOT_THERE = 'The API of this server does not answer; its OpenAPI document is here.'
/** Of whoever stands in front of it. */
const ABSENT: ReadonlySet<number> = new Set([502, 503, 504])

/**
 * RFC 9110 §9.3.2: HEAD changes nothing. Whatever is answered is from the API, also that there is nothing at its base or that
 * it wants to know who asks: nothing is presented, as no operation is meant.
 */
export async function reach(
  connections: Connections,
  { base }: Pick<Api, 'base'>,
  signal: AbortSignal,
): Promise<PeerAnswer> {
  try {
    const request = { method: 'HEAD', url: base, headers: { accept: '*/*' }, body: null, signal } as const
    const { status, body } = await connections.request(request)
    await discard(body)
    if (ABSENT.has(status)) throw new PeerFailure(failureOf(status), { description: NOT_THERE })
    return { kind: 'result', result: { resultType: 'complete' } }
  } catch (error) {
    signal.throwIfAborted()
    const { reason, cause } = peerFailure(error)
    throw new PeerFailure(reason, { cause, description: NOT_THERE })
  }
}
