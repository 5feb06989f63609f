// Owns the answers that are given from memory: bounded by bytes, never older than the upstream allows, dropped when it says so.

import { LRUCache } from 'lru-cache'
import type { Mailbox } from '../../mcp/mailbox.ts'
import type { PeerRequest, Visitor } from '../../mcp/peer.ts'
import { isRecord, type Members } from '../../mcp/rpc.ts'
import { isPersonal } from '../../oauth/upstream-auth.ts'
import type { Registry, Upstream } from '../../upstreams/registry.ts'
import type { UpstreamCall } from '../call.ts'
import { createAges } from './ages.ts'
import { createAnnouncer } from './announcer.ts'
import { createChangeWatch } from './changes.ts'
import { peerQuestionOf, type Question, questionOf, type Topic } from './question.ts'
import { readAnswer, resultOf, type StoredAnswer, storedAnswer, writeAnswer } from './stored-answer.ts'

export interface AnswerCacheNeeds {
  /** Zero: nothing is kept. */
  readonly bytes: number
  readonly registry: Pick<Registry, 'upstreams'>
  /** Tells other replicas what has changed. */
  readonly mailbox: Mailbox
  readonly report: (error: unknown) => void
  /** Milliseconds since the epoch. */
  readonly clock: () => number
}

/** What is known about a call that may be answered from memory. */
export interface Lookup {
  /** The whole answer, for this requester. */
  readonly found: Buffer | null
  /** Keeps what the upstream answered, if that may be kept. */
  keep(body: Buffer): void
}

/** The same of what a peer may be asked. */
export interface PeerLookup {
  /** The result, as the peer gave it; null as well when the visitor wants nothing from memory. */
  readonly found: Members | null
  keep(result: Members): void
}

export interface AnswerCache {
  /** Null for a call that the cache has nothing to do with. The caller must be allowed to make it. */
  lookUp(call: UpstreamCall): Lookup | null
  /** Null for a request that the cache has nothing to do with. The visitor must be allowed to make it. */
  lookUpAt(upstream: Upstream, visitor: Visitor, request: PeerRequest): PeerLookup | null
  /** What was kept of this upstream is not given any more, here and on other replicas. */
  drop(upstream: Upstream, topic: Topic): void
  /** Nothing that was kept is given any more, here: what callers may see is something else. */
  renew(): void
  /** Looks through an event stream of this upstream, in pieces; null when there is no use in it. */
  watch(upstream: Upstream): ((chunk: Buffer) => void) | null
  close(): Promise<void>
}

/** Where the answers to one question are. */
interface Shelf {
  find(): StoredAnswer | null
  put(answer: StoredAnswer | null): void
}

/** One answer does not push out all others. */
export const MOST_KEPT_BYTES = 1024 * 1024
const ADDRESS = 'answer-cache'
const TOPICS: ReadonlySet<string> = new Set<Topic>(['server', 'tools', 'prompts', 'resources', 'contents'])
const OVERHEAD_BYTES = 200

const NOTHING_KEPT: AnswerCache = {
  lookUp: () => null,
  lookUpAt: () => null,
  drop: () => undefined,
  renew: () => undefined,
  watch: () => null,
  close: async () => undefined,
}

export function createAnswerCache(needs: AnswerCacheNeeds): AnswerCache {
  const { bytes, registry, mailbox, report, clock } = needs
  if (bytes === 0) return NOTHING_KEPT
  const answers = new LRUCache<string, StoredAnswer>({
    maxSize: bytes,
    maxEntrySize: Math.min(bytes, MOST_KEPT_BYTES * 2),
    sizeCalculation: ({ rest }, key) => 2 * (rest.length + key.length) + OVERHEAD_BYTES,
  })
  const ages = createAges()
  let generation = 0
  const announcer = createAnnouncer((upstream, topic) =>
    mailbox.send(ADDRESS, { upstream, topic }).catch(report),
  )
  const box = mailbox.open(ADDRESS, (message) => {
    if (!isRecord(message) || !isTopic(message.topic)) return
    const upstream = registry.upstreams().find(({ name }) => name === message.upstream)
    if (upstream) ages.advance(upstream, message.topic)
  })
  box.catch(report)

  return {
    lookUp(call) {
      const question = questionOf(call)
      const [id] = call.ids
      if (!question || id === undefined) return null
      const shelf = shelfFor(call.place.upstream, question)
      const found = shelf.find()
      return {
        found: found ? writeAnswer(found, id, clock()) : null,
        keep(body) {
          if (body.length <= MOST_KEPT_BYTES) shelf.put(readAnswer(body, clock()))
        },
      }
    },
    lookUpAt(upstream, visitor, request) {
      const question = peerQuestionOf(visitor, request)
      if (!question) return null
      const shelf = shelfFor(upstream, question)
      const found = visitor.wantsFresh ? null : shelf.find()
      return {
        found: found ? resultOf(found, clock()) : null,
        keep(result) {
          const answer = storedAnswer(result, clock())
          if (answer && answer.rest.length <= MOST_KEPT_BYTES) shelf.put(answer)
        },
      }
    },
    drop,
    renew() {
      generation++
      answers.clear()
    },
    watch: (upstream) => createChangeWatch((topic) => drop(upstream, topic)),
    close: async () => {
      answers.clear()
      await announcer.close()
      await box.then((open) => open.close()).catch(() => undefined)
    },
  }

  function shelfFor(upstream: Upstream, { topic, text, asker }: Question): Shelf {
    // Of before the upstream is asked: an answer that a change overtakes is kept where nobody looks.
    const about = `${generation}.${ages.now(upstream, topic)} ${text}`
    const own = `${about} ${asker}`
    const shared = isPersonal(upstream.auth) ? own : about
    return {
      find: () => fresh(shared) ?? fresh(own),
      put(answer) {
        if (answer) answers.set(answer.isPublic ? shared : own, answer)
      },
    }
  }

  function drop(upstream: Upstream, topic: Topic): void {
    ages.advance(upstream, topic)
    announcer.announce(upstream.name, topic)
  }

  function fresh(key: string): StoredAnswer | null {
    const answer = answers.get(key)
    return answer && clock() < answer.until ? answer : null
  }
}

function isTopic(value: unknown): value is Topic {
  return typeof value === 'string' && TOPICS.has(value)
}
