// Owns which name a shortened one stands for: learned from the lists that pass, or by reading the upstream's list.

import { type Peer, PeerFailure, type Visitor } from '../../mcp/peer.ts'
import { isRecord, type Members } from '../../mcp/rpc.ts'
import type { Upstream } from '../../upstreams/registry.ts'
import type { Member } from './member.ts'
import { readName, shownName } from './names.ts'
import { within } from './within.ts'

export type NamedKind = 'tools' | 'prompts'

export interface NameIndex {
  learn(kind: NamedKind, upstream: Upstream, items: readonly Members[]): void
  /** The upstream's own name; null when it has none that is shown like this. Rejects with a PeerFailure. */
  find(kind: NamedKind, member: Member, shown: string, visitor: Visitor): Promise<string | null>
}

/** Null: two names of one upstream are shown alike, so neither can be meant. */
type Names = Map<string, string | null>

/** When somebody's list was last read to its end: it is not read again for each name that somebody makes up. */
type Readings = Map<string, number>

const MOST_NAMES = 4096
const MOST_PAGES = 64
const LIST_MS = 10_000
const READ_AGAIN_MS = 2_000
const MOST_READINGS = 1024

export function createNameIndex(clock: () => number): NameIndex {
  const read = new WeakMap<Upstream, Readings>()
  const known = { tools: new WeakMap<Upstream, Names>(), prompts: new WeakMap<Upstream, Names>() }

  function namesOf(kind: NamedKind, upstream: Upstream): Names {
    const names = known[kind].get(upstream) ?? new Map()
    known[kind].set(upstream, names)
    return names
  }

  function learn(kind: NamedKind, upstream: Upstream, items: readonly Members[]): void {
    const names = namesOf(kind, upstream)
    for (const { name } of items) if (typeof name === 'string') remember(names, upstream.name, name)
  }

  function wasJustRead(upstream: Upstream, reader: string): boolean {
    return clock() - (read.get(upstream)?.get(reader) ?? 0) < READ_AGAIN_MS
  }

  function rememberReading(upstream: Upstream, reader: string): void {
    const readings = read.get(upstream) ?? new Map()
    read.set(upstream, readings.set(reader, clock()))
    const [oldest] = readings.keys()
    if (readings.size > MOST_READINGS) readings.delete(oldest)
  }

  return {
    learn,
    async find(kind, member, shown, visitor) {
      const names = namesOf(kind, member.upstream)
      const reader = `${kind} ${visitor.caller.subject} ${visitor.caller.clientId}`
      if (!names.has(shown) && !wasJustRead(member.upstream, reader))
        await within(LIST_MS, new AbortController().signal, async (signal) => {
          for await (const page of pagesOf(kind, member.peer, visitor, signal)) {
            learn(kind, member.upstream, page)
            if (names.has(shown)) return
          }
          rememberReading(member.upstream, reader)
        })
      return names.get(shown) ?? null
    },
  }
}

function remember(names: Names, upstream: string, name: string): void {
  const shown = shownName(upstream, name)
  if (readName(shown)?.name !== null) return
  const other = names.get(shown)
  names.set(shown, other === undefined || other === name ? name : null)
  const [oldest] = names.keys()
  if (names.size > MOST_NAMES && oldest !== undefined) names.delete(oldest)
}

async function* pagesOf(
  kind: NamedKind,
  peer: Peer,
  visitor: Visitor,
  signal: AbortSignal,
): AsyncGenerator<readonly Members[]> {
  let params: Members = {}
  for (let page = 0; page < MOST_PAGES; page++) {
    const request = { method: `${kind}/list`, params, inputResponses: null, requestState: null }
    // Another replica may have shown a list that is newer than what is in memory here.
    const answer = await peer.request({ ...visitor, wantsFresh: true }, request, {
      signal,
      notify: () => undefined,
    })
    if (answer.kind === 'error') return
    refuseTooMany(answer.result, kind)
    yield itemsIn(answer.result, kind)
    const { nextCursor } = answer.result
    if (typeof nextCursor !== 'string') return
    params = { cursor: nextCursor }
  }
}

/** On one page: more than anybody has. Something is done with each, and meanwhile nobody else is served. */
const MOST_ITEMS = 10_000

/** Throws a `PeerFailure` for a page of a list that is no list any more. */
export function refuseTooMany(result: Members, member: string): void {
  const items = result[member]
  if (Array.isArray(items) && items.length > MOST_ITEMS)
    throw new PeerFailure('answer', { cause: new Error(`There are more than ${MOST_ITEMS} ${member}.`) })
}

/** What is not an object is no item. */
export function itemsIn(result: Members, member: string): readonly Members[] {
  const items = result[member]
  return Array.isArray(items) ? items.filter(isRecord) : []
}
