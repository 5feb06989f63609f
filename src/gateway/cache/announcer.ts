// Owns telling the other replicas that an upstream has changed, not more often than they need to hear it.

import type { Topic } from './question.ts'

export interface Announcer {
  /** At once; and while that is under way or was just now, however often it changes again, once more. */
  announce(upstream: string, topic: Topic): void
  /** Sends what waits. */
  close(): Promise<void>
}

/** A server that changes something tells each of its streams, and may change much at once: the rest of it is one message more. */
const PAUSE_MS = 50

export function createAnnouncer(send: (upstream: string, topic: Topic) => Promise<void>): Announcer {
  /** By what changed: what says it once more, when there is more to say. */
  const recent = new Map<string, (() => Promise<void>) | null>()

  function announce(upstream: string, topic: Topic): void {
    const key = `${upstream} ${topic}`
    if (recent.has(key)) {
      recent.set(key, () => send(upstream, topic))
      return
    }
    recent.set(key, null)
    void send(upstream, topic).finally(() => setTimeout(rest, PAUSE_MS, key, upstream, topic).unref())
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
