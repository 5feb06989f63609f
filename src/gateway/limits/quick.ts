// Owns which calls are answered quickly by every upstream that is well, and so show which one is not.

import type { Call } from '../call.ts'

/** No upstream works long for these. Whatever else there is may take its time, and a stream may be silent from the start. */
const QUICK: ReadonlySet<string> = new Set([
  'initialize',
  'ping',
  'server/discover',
  'tools/list',
  'prompts/list',
  'resources/list',
  'resources/templates/list',
  'logging/setLevel',
])

/** Those, and what wants no answer at all. */
export function isQuick({ method, ids, messages }: Call): boolean {
  if (method !== 'POST') return method === 'DELETE'
  return ids.length === 0 || messages.every((message) => QUICK.has(message.method ?? ''))
}
