// Owns asking a peer for all of its tools.

import { type Peer, PeerFailure, type Visitor } from '../mcp/peer.ts'
import { isRecord, type Members } from '../mcp/rpc.ts'

/** A tool as its upstream lists it, as far as we look at it. */
export interface ListedTool {
  readonly name: string
  readonly title?: string | undefined
  readonly annotations?:
    | {
        readonly title?: string | undefined
        readonly readOnlyHint?: boolean | undefined
        readonly destructiveHint?: boolean | undefined
      }
    | undefined
}

/** More than anybody has; each of them is kept. */
const MAX_TOOLS = 10_000

/** All pages. Rejects with a `PeerFailure` when there are more than `maxPages`, too many tools, or something else is listed. */
export async function listTools(
  peer: Peer,
  visitor: Visitor,
  signal: AbortSignal,
  maxPages: number,
): Promise<readonly ListedTool[]> {
  const tools: ListedTool[] = []
  let cursor: unknown
  for (let page = 0; page < maxPages; page++) {
    const result = await listPage(peer, visitor, cursor, signal)
    if (!Array.isArray(result.tools))
      throw new PeerFailure('answer', { cause: new Error('There is no list.') })
    tools.push(...result.tools.filter(isRecord).flatMap(toListed))
    cursor = result.nextCursor
    if (tools.length > MAX_TOOLS)
      throw new PeerFailure('answer', { cause: new Error('There are too many tools.') })
    if (cursor === undefined) return tools
  }
  throw new PeerFailure('answer', { cause: new Error('There are too many pages.') })
}

async function listPage(
  peer: Peer,
  visitor: Visitor,
  cursor: unknown,
  signal: AbortSignal,
): Promise<Members> {
  const params = cursor === undefined ? {} : { cursor }
  const request = { method: 'tools/list', params, inputResponses: null, requestState: null }
  const answer = await peer.request(visitor, request, { signal, notify: () => undefined })
  if (answer.kind === 'result') return answer.result
  throw new PeerFailure('answer', { cause: new Error(answer.error.message) })
}

function toListed({ name, title, annotations }: Members): readonly ListedTool[] {
  if (typeof name !== 'string') return []
  const hints = isRecord(annotations) ? annotations : {}
  return [
    {
      name,
      title: textOf(title),
      annotations: {
        title: textOf(hints.title),
        readOnlyHint: hints.readOnlyHint === true,
        // True unless it is denied in so many words.
        destructiveHint: hints.destructiveHint !== false,
      },
    },
  ]
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined
}
