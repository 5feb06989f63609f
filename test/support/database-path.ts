// Owns a bad way to the database: a TCP relay that can go silent, for one connection or for all, or refuse.

import { connect, createServer, type Server, type Socket } from 'node:net'
import type { Teardown } from './database.ts'
import { freePort } from './local-server.ts'

export interface DatabasePath {
  /** The database's URL, by way of this. */
  readonly url: string
  /** Swallows without a word what one connection says and hears. Its port is the one that the database sees. */
  silence(port: number): void
  /** The same for all, also for those that are made later. */
  silenceAll(): void
  /** Breaks all connections and refuses new ones. */
  cut(): Promise<void>
  /** As it was; what was silenced stays silent. */
  heal(): Promise<void>
}

interface Pair {
  readonly near: Socket
  readonly far: Socket
}

export async function startDatabasePath(t: Teardown, databaseUrl: string): Promise<DatabasePath> {
  const target = new URL(databaseUrl)
  const pairs = new Set<Pair>()
  let silent = false

  const relay = (near: Socket) => {
    const far = connect(Number(target.port), target.hostname)
    const pair = { near, far }
    pairs.add(pair)
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      from.on('error', () => undefined)
      from.on('close', () => {
        to.destroy()
        pairs.delete(pair)
      })
      from.pipe(to)
    }
    if (silent) hush(pair)
  }

  const port = await freePort()
  let server: Server = await listen(relay, port)
  const url = new URL(databaseUrl)
  url.hostname = '127.0.0.1'
  url.port = String(port)

  const cut = async () => {
    const closed = new Promise((resolve) => server.close(resolve))
    for (const { near, far } of pairs) {
      near.destroy()
      far.destroy()
    }
    await closed
  }
  t.teardown(cut)
  return {
    url: url.href,
    silence(seen) {
      for (const pair of pairs) if (pair.far.localPort === seen) hush(pair)
    },
    silenceAll() {
      silent = true
      for (const pair of pairs) hush(pair)
    },
    cut,
    async heal() {
      silent = false
      if (!server.listening) server = await listen(relay, port)
    },
  }
}

function hush({ near, far }: Pair): void {
  near.unpipe(far)
  far.unpipe(near)
  // Still read, so that neither side notices.
  near.resume()
  far.resume()
}

async function listen(relay: (near: Socket) => void, port: number): Promise<Server> {
  const server = createServer(relay)
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve))
  return server
}
