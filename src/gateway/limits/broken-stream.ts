// Owns the last words of an event stream that broke: an error for the call that waits on it.

import { INTERNAL_ERROR, type RpcId } from '../../mcp/rpc.ts'

const ENDS_AN_EVENT = '\nevent: discarded\n\n'
const ID_LINE = /(^|[\r\n])id:/

/**
 * Without them a client waits for its own timeout: that a stream is over does not tell it that the answer will not come. An
 * event that is not complete becomes one of a type that nobody listens to (HTML, "Parsing an event stream").
 */
export function lastWords(id: RpcId, atBoundary: boolean, message: string): string {
  const error = { code: INTERNAL_ERROR, message }
  const event = `event: message\ndata: ${JSON.stringify({ jsonrpc: '2.0', id, error })}\n\n`
  return atBoundary ? event : ENDS_AN_EVENT + event
}

/** By its first bytes: a stream that can be taken up again says so at once (MCP 2025-11-25, "Sending Messages to the Server"). */
export function isResumable(first: Buffer): boolean {
  return ID_LINE.test(first.toString('latin1', 0, 4096))
}

/** By its last bytes: whether the answer may have come already. When in doubt, it has. */
export function maybeAnswered(last: Buffer | null): boolean {
  return last !== null && (last.includes('"result"') || last.includes('"error"'))
}
