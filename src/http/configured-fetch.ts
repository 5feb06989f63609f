// Owns the fetch for documents whose address the operator configured: private addresses are the operator's to name, size and time are not.

import { Agent, request } from 'undici'
import type { OutboundFetch } from './outbound.ts'

const DEADLINE_MS = 5000
const MOST_BYTES = 256 * 1024

/** Only GET; what else is asked for in `init` is not used, but for its signal. Redirects are failures, as nobody configured them. */
export function createConfiguredFetch(): OutboundFetch {
  const agent = new Agent({ maxResponseSize: MOST_BYTES, connections: 4, pipelining: 1 })
  return async (input, init) => {
    const url = input instanceof Request ? input.url : String(input)
    const deadline = AbortSignal.timeout(DEADLINE_MS)
    const signal = init?.signal ? AbortSignal.any([init.signal, deadline]) : deadline
    const { statusCode, headers, body } = await request(url, {
      dispatcher: agent,
      headers: { accept: 'application/json', 'user-agent': 'Gatehouse' },
      signal,
    })
    const bytes = await body.bytes()
    // Anything but 200 is a failure to whoever asks; a redirect could not even be represented.
    return new Response(new Uint8Array(bytes), {
      status: statusCode === 200 ? 200 : 502,
      headers: { 'content-type': String(headers['content-type'] ?? '') },
    })
  }
}
