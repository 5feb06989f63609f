// Owns the lists of the aggregate: a page of each upstream's at once, in the order of the upstreams.

import { SERVER_INFO } from '../../mcp/meta.ts'
import type { PeerAnswer, PeerRequest, Visitor } from '../../mcp/peer.ts'
import { INVALID_PARAMS, isRecord, METHOD_NOT_FOUND, type Members, type RpcError } from '../../mcp/rpc.ts'
import { type Cursors, readCursor, writeCursor } from './cursor.ts'
import { type Asking, askEach, type Gathered, type Member, type Missing } from './member.ts'
import { itemsIn, type NameIndex, refuseTooMany } from './name-index.ts'
import { PROMPT, RESOURCE, readable, type Shape, TEMPLATE, TOOL } from './readable.ts'
import { AGGREGATE_INFO, shownPrompt, shownResource, shownTemplate, shownTool, ttlOf } from './shown.ts'

interface List {
  /** The member of the result. */
  readonly items: string
  readonly show: (upstream: string, item: Members) => Members
  readonly shape: Shape
}

const LISTS: ReadonlyMap<string, List> = new Map([
  ['tools/list', { items: 'tools', show: shownTool, shape: TOOL }],
  ['prompts/list', { items: 'prompts', show: shownPrompt, shape: PROMPT }],
  ['resources/list', { items: 'resources', show: shownResource, shape: RESOURCE }],
  ['resources/templates/list', { items: 'resourceTemplates', show: shownTemplate, shape: TEMPLATE }],
])

/** In `_meta` of a list that is not whole. */
const UNAVAILABLE = 'gatehouse/unavailable'

export interface ListNeeds {
  readonly members: readonly Member[]
  readonly names: NameIndex
  readonly visitor: Visitor
  readonly request: PeerRequest
  readonly asking: Asking
  readonly notify: (upstream: string) => Parameters<Member['peer']['request']>[2]['notify']
  /** Stands before those of the upstreams, on the first page. */
  readonly own: readonly Members[]
}

export function isList(method: string): boolean {
  return LISTS.has(method)
}

type Pages = Gathered<PeerAnswer>

export async function listAll(needs: ListNeeds): Promise<PeerAnswer> {
  const { request, members, visitor, asking } = needs
  const { cursor } = request.params
  const cursors = cursor === undefined ? null : readCursor(request.method, String(cursor))
  if (cursor !== undefined && cursors === null) return failed(INVALID_CURSOR)
  const asked = members.filter(({ upstream }) => cursors === null || cursors.has(upstream.name))
  // It goes on at upstreams that are gone, or not this caller's any more: nothing would look like the end of the list.
  if (cursors !== null && asked.length === 0) return failed(INVALID_CURSOR)
  const pages = await askEach(asked, asking, async ({ upstream, peer }, signal) => {
    const part = { ...request, params: paramsFor(upstream.name, request.params, cursors) }
    const answer = await peer.request(visitor, part, { signal, notify: needs.notify(upstream.name) })
    if (answer.kind === 'result') refuseTooMany(answer.result, LISTS.get(request.method)?.items ?? '')
    return answer
  })
  if (cursors !== null && pages.answers.some(({ answer }) => refusesCursor(answer)))
    return failed(INVALID_CURSOR)
  return { kind: 'result', result: merged(refusedToo(pages, asked), needs, cursors === null) }
}

/** An upstream that answers with an error is missing as well; one that has no such method has none of these. */
function refusedToo({ answers, missing }: Pages, asked: readonly Member[]): Pages {
  const refused = answers.flatMap(({ member, answer }) =>
    answer.kind === 'error' && answer.error.code !== METHOD_NOT_FOUND
      ? [{ upstream: member.upstream.name, reason: 'answer' as const, description: null }]
      : [],
  )
  const all = [...missing, ...refused]
  const inOrder = asked.flatMap(({ upstream }) => all.find((each) => each.upstream === upstream.name) ?? [])
  return { answers, missing: inOrder }
}

const INVALID_CURSOR: RpcError = { code: INVALID_PARAMS, message: 'The cursor is not valid any more.' }

function failed(error: RpcError): PeerAnswer {
  return { kind: 'error', error }
}

/** One upstream's progress is not that of the whole. */
function paramsFor(upstream: string, params: Members, cursors: Cursors | null): Members {
  const { cursor: _, _meta, ...rest } = params
  const own = cursors?.get(upstream)
  const { progressToken: __, ...meta } = isRecord(_meta) ? _meta : {}
  return {
    ...rest,
    ...(Object.keys(meta).length > 0 && { _meta: meta }),
    ...(own !== undefined && { cursor: own }),
  }
}

function refusesCursor(answer: PeerAnswer): boolean {
  return answer.kind === 'error' && answer.error.code === INVALID_PARAMS
}

/** MCP 2026-07-28, server/utilities/caching.mdx: as fresh as the oldest part, and what a caller may see is that caller's. */
function merged({ answers, missing }: Pages, { request, names, own }: ListNeeds, isFirst: boolean): Members {
  const list = LISTS.get(request.method)
  if (!list) throw new Error(`${request.method} is no list.`)
  const pages = answers.flatMap(({ member, answer }) =>
    answer.kind === 'result' ? [{ member, result: answer.result }] : [],
  )
  for (const { member, result } of pages) learn(names, list, member, result)
  const cursors = new Map(pages.flatMap(({ member, result }) => cursorOf(member, result)))
  return {
    resultType: 'complete',
    [list.items]: [
      ...(isFirst ? own : []),
      ...pages.flatMap(({ member, result }) => shownItems(list, member, result)),
    ],
    ...(cursors.size > 0 && { nextCursor: writeCursor(request.method, cursors) }),
    ttlMs: missing.length > 0 ? 0 : Math.min(...pages.map(({ result }) => ttlOf(result)), MOST_TTL_MS),
    cacheScope: 'private',
    _meta: {
      [SERVER_INFO]: AGGREGATE_INFO,
      ...(missing.length > 0 && { [UNAVAILABLE]: missing.map(withoutMore) }),
    },
  }
}

/** What no client could read is left out. */
function shownItems({ items, show, shape }: List, { upstream }: Member, result: Members): readonly Members[] {
  return itemsIn(result, items).flatMap((item) => {
    const whole = readable(item, shape)
    return whole === null ? [] : [show(upstream.name, whole)]
  })
}

const MOST_TTL_MS = 300_000

function withoutMore({ upstream, reason }: Missing): Members {
  return { upstream, reason }
}

function learn(names: NameIndex, { items }: List, { upstream }: Member, result: Members): void {
  if (items === 'tools' || items === 'prompts') names.learn(items, upstream, itemsIn(result, items))
}

function cursorOf({ upstream }: Member, { nextCursor }: Members): [string, string][] {
  return typeof nextCursor === 'string' ? [[upstream.name, nextCursor]] : []
}
