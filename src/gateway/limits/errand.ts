// Owns what the limits look at in a call.

import type { Passing } from '../../http/meter.ts'
import type { Errand } from '../../upstreams/guards.ts'
import { toolOf } from '../access.ts'
import { type Call, expectsContent, isListening } from '../call.ts'

export function errandOf(call: Call): Errand {
  const { listening, messages, urgent } = passingOf(call)
  return { listening, messages, urgent, subject: call.caller.subject, tools: toolsCalled(call) }
}

function toolsCalled({ messages }: Call): readonly string[] {
  const tools: string[] = []
  for (const message of messages) {
    const tool = toolOf(message)
    if (tool !== null) tools.push(tool)
  }
  return tools
}

/** A notification, a posted response and the end of a session make room, or somebody waits for them. */
export function passingOf(call: Call): Passing {
  return {
    listening: isListening(call),
    messages: Math.max(1, call.messages.length),
    urgent: !expectsContent(call),
  }
}
