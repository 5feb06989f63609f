// Owns which calls are answered quickly by every upstream that is well, and so show which one is not.

import { QUICK_METHODS } from '../../mcp/quick-methods.ts'
import type { Call } from '../call.ts'

/** No upstream works long for these. Whatever else there is may take its time, and a stream may be silent from the start. */
export function isQuick({ method, ids, messages }: Call): boolean {
  if (method !== 'POST') return method === 'DELETE'
  // What wants no answer at all is quick too.
  return ids.length === 0 || messages.every((message) => QUICK_METHODS.has(message.method ?? ''))
}
