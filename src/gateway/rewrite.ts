// Owns the rewriting of an answer on its way to the client: results in JSON bodies and in event streams, all else byte for byte.

import { parseExactly } from '../mcp/exact-json.ts'
import { isRecord, type Members } from '../mcp/rpc.ts'

/** What becomes of a result; the same object for one that stays as it is. */
export type RewriteResult = (result: Members) => Members

/** The most that is kept of an answer, or of one event, to look into it. */
export const MOST_REWRITTEN_BYTES = 16 * 1024 * 1024

/** The body as the client gets it; null for one that cannot be read, and so must not pass. */
export function rewriteBody(body: Buffer, rewrite: RewriteResult): Buffer | null {
  const written = rewriteMessages(body.toString('utf8'), rewrite)
  return written === undefined ? body : written === null ? null : Buffer.from(written)
}

/** Takes the stream in pieces and gives what may be sent of it so far; null when an event has become too large. */
export type EventRewriter = (chunk: Buffer) => Buffer | null

/** WHATWG HTML, "Event stream interpretation": an empty line ends an event. */
const EMPTY_LINE = /(?:\r\n|\n|\r(?!\n))(?:\r\n|\n|\r(?!\n))/g
const LONGEST_EMPTY_LINE = 4
const LINE = /(\r\n|\n|\r)/
const RESULT = '"result"'

export function createEventRewriter(rewrite: RewriteResult): EventRewriter {
  // Bytes as characters, so that a piece may end within one of several bytes.
  let rest = ''
  return (chunk) => {
    // What was looked through before is not looked through again.
    EMPTY_LINE.lastIndex = Math.max(0, rest.length - LONGEST_EMPTY_LINE)
    const text = rest + chunk.toString('latin1')
    let written = ''
    let at = 0
    while (EMPTY_LINE.test(text)) {
      written += rewriteEvent(text.slice(at, EMPTY_LINE.lastIndex), rewrite)
      at = EMPTY_LINE.lastIndex
    }
    rest = text.slice(at)
    return rest.length > MOST_REWRITTEN_BYTES ? null : Buffer.from(written, 'latin1')
  }
}

/** An event that cannot be read has no data any more; its id still counts. */
function rewriteEvent(event: string, rewrite: RewriteResult): string {
  if (!event.includes(RESULT)) return event
  // The end of the event before, when a piece ended between its last two characters.
  const left = /^[\r\n]*/.exec(event)?.[0] ?? ''
  const parts = event.split(LINE)
  const lines = parts.filter((_, at) => at % 2 === 0)
  const data = lines.flatMap((line) => /^data(?:: ?|$)(.*)$/s.exec(line)?.[1] ?? []).join('\n')
  const written = rewriteMessages(Buffer.from(data, 'latin1').toString('utf8'), rewrite)
  if (written === undefined) return event
  const others = lines.filter((line) => line !== '' && !line.startsWith('data'))
  const bytes = written === null ? [] : [`data: ${Buffer.from(written).toString('latin1')}`]
  return `${left}${[...others, ...bytes].join('\n')}\n\n`
}

/** Undefined: as it was. Null: this is not JSON. */
function rewriteMessages(text: string, rewrite: RewriteResult): string | undefined | null {
  const json = parsed(text)
  if (json === undefined) return null
  const messages: readonly unknown[] = Array.isArray(json) ? json : [json]
  const written = messages.map((message) => rewriteMessage(message, rewrite))
  if (written.every((each, at) => each === messages[at])) return undefined
  return JSON.stringify(Array.isArray(json) ? written : written[0])
}

function parsed(text: string): unknown {
  try {
    return parseExactly(text)
  } catch {
    return undefined
  }
}

function rewriteMessage(message: unknown, rewrite: RewriteResult): unknown {
  if (!isRecord(message) || !isRecord(message.result)) return message
  const result = rewrite(message.result)
  return result === message.result ? message : { ...message, result }
}
