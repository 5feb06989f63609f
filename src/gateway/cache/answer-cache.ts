// Owns the answers that are given from memory: bounded by bytes, never older than the upstream allows, dropped when it says so.

import { LRUCache } from 'lru-cache'
import type { Mailbox } from '../../mcp/mailbox.ts'
import { isRecord } from '../../mcp/rpc.ts'
import { isPersonal } from '../../oauth/upstream-auth.ts'
import type { Registry, Upstream } from '../../upstreams/registry.ts'
import type { UpstreamCall } from '../call.ts'
import { createChangeWatch } from './changes.ts'
import { questionOf, type Topic } from './question.ts'
import { readAnswer, type StoredAnswer, writeAnswer } from './stored-answer.ts'

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

export interface AnswerCache {
  /** Null for a call that the cache has nothing to do with. The caller must be allowed to make it. */
  lookUp(call: UpstreamCall): Lookup | null
  /** What was kept of this upstream is not given any more, here and on other replicas. */
  drop(upstream: Upstream, topic: Topic): void
  /** Nothing that was kept is given any more, here: what callers may see is something else. */
  renew(): void
  /** Looks through an event stream of this upstream, in pieces; null when there is no use in it. */
  watch(upstream: Upstream): ((chunk: Buffer) => void) | null
  close(): Promise<void>
}

/** One answer does not push out all others. */
export const MOST_KEPT_BYTES = 1024 * 1024
const ADDRESS = 'answer-cache'
const TOPICS: ReadonlySet<string> = new Set<Topic>(['server', 'tools', 'prompts', 'resources', 'contents'])
const OVERHEAD_BYTES = 200

const NOTHING_KEPT: AnswerCache = {
  lookUp: () => null,
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
      const { upstream } = call.place
      // Of before the upstream is asked: an answer that a change overtakes is kept where nobody looks.
      const about = `${generation}.${ages.now(upstream, question.topic)} ${question.text}`
      const own = `${about} ${question.asker}`
      const shared = isPersonal(upstream.auth) ? own : about
      const found = fresh(shared) ?? fresh(own)
      return {
        found: found ? writeAnswer(found, id, clock()) : null,
        keep(body) {
          const answer = body.length > MOST_KEPT_BYTES ? null : readAnswer(body, clock())
          if (answer) answers.set(answer.isPublic ? shared : own, answer)
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

  function drop(upstream: Upstream, topic: Topic): void {
    ages.advance(upstream, topic)
    announcer.announce(upstream.name, topic)
  }

  function fresh(key: string): StoredAnswer | null {
    const answer = answers.get(key)
    return answer && clock() < answer.until ? answer : null
  }
}

interface Ages {
  /** A text that no other upstream has, nor this one before it changed. */
  now(upstream: Upstream, topic: Topic): string
  advance(upstream: Upstream, topic: Topic): void
}

/** What is old is never looked for again, and goes when there is no more room. So does all of an upstream that was reloaded. */
function createAges(): Ages {
  const known = new WeakMap<Upstream, { readonly id: number; readonly ages: Map<Topic, number> }>()
  let upstreams = 0
  const of = (upstream: Upstream) => {
    const found = known.get(upstream) ?? { id: upstreams++, ages: new Map<Topic, number>() }
    known.set(upstream, found)
    return found
  }
  return {
    now(upstream, topic) {
      const { id, ages } = of(upstream)
      return `${id}.${ages.get(topic) ?? 0}`
    },
    advance(upstream, topic) {
      const { ages } = of(upstream)
      ages.set(topic, (ages.get(topic) ?? 0) + 1)
    },
  }
}

/** A server that changes something tells each of its streams, and may change much at once: the rest of it is one message more. */
const ANNOUNCING_PAUSE_MS = 50

interface Announcer {
  /** At once; and while that is under way or was just now, however often it changes again, once more. */
  announce(upstream: string, topic: Topic): void
  /** Sends what waits. */
  close(): Promise<void>
}

function createAnnouncer(send: (upstream: string, topic: Topic) => Promise<void>): Announcer {
  /** By what changed: what says it once more, when there is more to say. */
  const recent = new Map<string, (() => Promise<void>) | null>()

  function announce(upstream: string, topic: Topic): void {
    const key = `${upstream} ${topic}`
    if (recent.has(key)) {
      recent.set(key, () => send(upstream, topic))
      return
    }
    recent.set(key, null)
    void send(upstream, topic).finally(() =>
      setTimeout(rest, ANNOUNCING_PAUSE_MS, key, upstream, topic).unref(),
    )
  }

  function rest(key: string, upstream: string, topic: Topic): void {
    const again = recent.get(key)
    recent.delete(key)
    if (again) announce(upstream, topic)
  }

  return {
    announce,
    async close() {
      const waiting = [...recent.values()]
      recent.clear()
      await Promise.all(waiting.map((again) => again?.()))
    },
  }
}

function isTopic(value: unknown): value is Topic {
  return typeof value === 'string' && TOPICS.has(value)
}
