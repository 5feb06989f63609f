// Owns which of the answers that pass are rewritten for the policy's sake: lists, and where a list may come later.

import type { StandingPolicy } from '../../oauth/standing-policy.ts'
import type { UpstreamCall } from '../call.ts'
import type { RewriteResult } from '../rewrite.ts'
import { isListMethod, shownTo, viewOf } from './visible.ts'

/**
 * Null for an answer that passes as it is, which is every one unless the policy could hide something at this upstream. On the
 * stream of a legacy session comes also what a request was answered whose own stream broke off.
 */
export function listRewrite(
  standing: Pick<StandingPolicy, 'current'>,
  call: UpstreamCall,
): RewriteResult | null {
  const policy = standing.current()
  if (policy === null) return null
  const { method, messages, place, caller } = call
  if (method !== 'GET' && !messages.some((message) => isListMethod(message.method))) return null
  const view = viewOf(policy, place.upstream, caller)
  if (view === null || method !== 'GET') return view && ((result) => shownTo(view, result))
  // A stream may outlast the policy under which it began.
  return (result) => {
    const present = viewOf(standing.current(), place.upstream, caller)
    return present ? shownTo(present, result) : result
  }
}
