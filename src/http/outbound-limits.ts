// Owns how much fetching strangers can cause: at once, per host, and altogether (a client_id is a free request to anybody).

import { LRUCache } from 'lru-cache'

const WINDOW_MS = 60_000
/** More than `perMinute` lets in within one window, so that no host is forgotten before its window ends. */
const REMEMBERED_HOSTS = 1000

export interface Limits {
  /** Fetches under way at once, all hosts together. */
  readonly concurrent: number
  /** Fetches that may begin within a minute, at one host and altogether. */
  readonly perHostPerMinute: number
  readonly perMinute: number
}

export const DEFAULT_LIMITS: Limits = { concurrent: 8, perHostPerMinute: 10, perMinute: 120 }

export interface OutboundLimits {
  /** Counts one more fetch for a host; false when there were too many. */
  admit(host: string): boolean
  /** Runs a task once there is a place, never two for one host; rejects when the signal aborts while it waits. */
  run<T>(host: string, signal: AbortSignal, task: () => Promise<T>): Promise<T>
}

interface Window {
  count: number
  readonly endsAt: number
}

export function createOutboundLimits(limits: Limits, clock: () => number): OutboundLimits {
  const hosts = new LRUCache<string, Window>({ max: REMEMBERED_HOSTS })
  let all: Window = { count: 0, endsAt: 0 }
  const current = (window: Window | undefined): Window =>
    window !== undefined && clock() < window.endsAt ? window : { count: 0, endsAt: clock() + WINDOW_MS }
  const places = createPlaces(limits.concurrent)

  return {
    admit(host) {
      all = current(all)
      const own = current(hosts.get(host))
      hosts.set(host, own)
      if (own.count >= limits.perHostPerMinute || all.count >= limits.perMinute) return false
      own.count += 1
      all.count += 1
      return true
    },

    async run(host, signal, task) {
      await places.take(host, signal)
      try {
        return await task()
      } finally {
        places.leave(host)
      }
    },
  }
}

interface Waiting {
  readonly host: string
  readonly enter: () => void
}

/** Bounded by `admit`: nobody waits who was not counted. */
function createPlaces(size: number) {
  const taken = new Set<string>()
  const queue = new Set<Waiting>()

  const isFree = (host: string) => taken.size < size && !taken.has(host)

  return {
    async take(host: string, signal: AbortSignal): Promise<void> {
      signal.throwIfAborted()
      if (isFree(host)) {
        taken.add(host)
        return
      }
      const { promise, resolve, reject } = Promise.withResolvers<void>()
      const waiting = { host, enter: resolve }
      const giveUp = () => {
        queue.delete(waiting)
        reject(signal.reason)
      }
      queue.add(waiting)
      signal.addEventListener('abort', giveUp, { once: true })
      await promise
      signal.removeEventListener('abort', giveUp)
    },

    leave(host: string): void {
      taken.delete(host)
      for (const waiting of queue) {
        if (!isFree(waiting.host)) continue
        queue.delete(waiting)
        taken.add(waiting.host)
        waiting.enter()
        return
      }
    },
  }
}
