// Owns the connections to one origin: a request takes one that is free, or opens one, however many streams hold the others.

import { type buildConnector, Client, type Dispatcher } from 'undici'
import type { Outlet } from './balanced.ts'

type Connect = ReturnType<typeof buildConnector>

interface Lane {
  readonly client: Client
  isFree: boolean
}

/**
 * HTTP/1.1 alone, where a request has a connection to itself: leaving one is closing it. As many connections as there are
 * requests, because one that waits behind an event stream waits for ever. Undici's own Pool looks at one connection after the
 * other until it finds a free one, which is at all the streams before every call.
 */
export function createLanes(origin: string, connect: Connect): Outlet {
  const lanes = new Set<Lane>()
  /** The latest used last: what is too much for the load is left alone, until undici or the upstream closes it. */
  const free: Lane[] = []

  function open(): Lane {
    const client = new Client(origin, { allowH2: false, connect, bodyTimeout: 0 })
    const lane = { client, isFree: false }
    client.on('drain', () => release(lane))
    client.on('disconnect', () => leave(lane))
    client.on('connectionError', () => leave(lane))
    lanes.add(lane)
    return lane
  }

  function release(lane: Lane): void {
    if (lane.isFree || lane.client.closed) return
    lane.isFree = true
    free.push(lane)
  }

  function take(): Lane {
    const lane = free.pop() ?? open()
    lane.isFree = false
    return lane
  }

  /** A request that was just about to use it still gets its answer, over a new connection. */
  function leave(lane: Lane): void {
    if (lane.isFree) free.splice(free.lastIndexOf(lane), 1)
    lane.isFree = false
    lane.client.close(() => lanes.delete(lane))
  }

  return {
    dispatch(options: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler): boolean {
      const lane = take()
      // `drain` says when it is free again, but only where this says that it is not.
      if (lane.client.dispatch(options, handler)) release(lane)
      return true
    },
    close: async () => void (await Promise.all([...lanes].map(({ client }) => client.close()))),
    destroy: async () => void (await Promise.all([...lanes].map(({ client }) => client.destroy()))),
  }
}
