// Owns noticing on a passing event stream that what was cached has changed.

import type { Topic } from './question.ts'

/** MCP, "List Changed Notification" of each feature, and "Subscriptions" of resources. */
const NOTIFICATIONS: readonly (readonly [method: string, topics: readonly Topic[]])[] = [
  ['notifications/tools/list_changed', ['tools']],
  ['notifications/prompts/list_changed', ['prompts']],
  ['notifications/resources/list_changed', ['resources', 'contents']],
  ['notifications/resources/updated', ['contents']],
]
const LONGEST = Math.max(...NOTIFICATIONS.map(([method]) => method.length))
/** What all of them begin with, so that a piece without it is looked at once. */
const PREFIX = 'notifications/'

export function topicsOf(method: string): readonly Topic[] {
  return NOTIFICATIONS.find(([each]) => each === method)?.[1] ?? []
}

/** Takes the stream in pieces. A text that only looks like a notification costs a question to the upstream, and no more. */
export function createChangeWatch(onChange: (topic: Topic) => void): (chunk: Buffer) => void {
  let tail = ''
  return (chunk) => {
    const text = tail + chunk.toString('latin1')
    tail = endsEvent(text) ? '' : copyOfEnd(text)
    if (!text.includes(PREFIX)) return
    for (const [method, topics] of NOTIFICATIONS) {
      if (!text.includes(method)) continue
      for (const topic of topics) onChange(topic)
      // Or it would be found again in the next piece.
      tail = ''
    }
  }
}

/** Nothing goes on behind a blank line, and most pieces end with one. */
function endsEvent(text: string): boolean {
  return text.endsWith('\n\n') || text.endsWith('\r\n\r\n') || text.endsWith('\r\r')
}

/** V8 keeps the whole of a text for a part of it: a copy, or a silent stream would hold on to its last piece. */
function copyOfEnd(text: string): string {
  return Buffer.from(text.slice(-LONGEST), 'latin1').toString('latin1')
}
