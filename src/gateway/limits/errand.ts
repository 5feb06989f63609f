// Owns what the limits look at in a call.

import type { Passing } from '../../http/meter.ts'
import type { Errand } from '../../upstreams/guards.ts'
import { toolOf } from '../access.ts'
import { type Call, expectsContent, isListening } from '../call.ts'

export function errandOf(call: Call): Errand {
  const tools = call.messages.flatMap((message) => toolOf(message) ?? [])
  return { ...passingOf(call), subject: call.caller.subject, tools }
}

/** A notification, a posted response and the end of a session make room, or somebody waits for them. */
export function passingOf(call: Call): Passing {
  return {
    listening: isListening(call),
    messages: Math.max(1, call.messages.length),
    urgent: !expectsContent(call),
  }
}
