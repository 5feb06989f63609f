// Owns the connection that listens for notifications: apart from the pool, with no other work, and opened again when it breaks.
import { Socket } from 'node:net'
import type { PGlite } from '@electric-sql/pglite'
import { Kysely, PostgresDialect } from 'kysely'
import pg from 'pg'
import { prepareStatements } from './prepared-statements.ts'
import type { Database, Tables } from './tables.ts'

export interface Listener {
  /** The connection that listens. Null while it is not there; asking for it opens it again, in the background. */
  db(): Database | null
  /** Notifications may be lost without a word, so who listens must also look now and then. */
  readonly lossy: boolean
  /** Breaks the connection off, which fails what waits for it. */
  reset(): void
  close(): Promise<void>
}

/** `hear` is called with what was said, after each commit that notified, while the connection is there. */
export type Listen = (channel: string, hear: (payload: string) => void) => Promise<Listener>

const CONNECT_TIMEOUT_MS = 2_000

/** As it is seen in pg_stat_activity. */
export const LISTENER_NAME = 'gatehouse listener'

export function listenOnPostgres(url: string, channel: string, hear: (payload: string) => void): Listener {
  let socket = new Socket()
  let isOpen = false
  let isOpening = false
  // A pool of one: it notices when the connection breaks, and makes another.
  const pool = new pg.Pool({
    connectionString: url,
    application_name: LISTENER_NAME,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    keepAlive: true,
    max: 1,
    // Never: a connection that only listens is idle.
    idleTimeoutMillis: 0,
    // Our own: a connection into the void does not end politely, only with its socket.
    stream: () => {
      socket = new Socket()
      return socket
    },
    onConnect: async (client) => {
      client.on('notification', ({ payload = '' }) => hear(payload))
      await client.query(`listen ${channel}`)
      isOpen = true
    },
  })
  pool.on('remove', () => {
    isOpen = false
  })
  // Whether it breaks while it is idle or in use, the next one who asks opens it again.
  pool.on('error', () => undefined)
  pool.on('connect', (client) => client.on('error', () => undefined))
  const db = new Kysely<Tables>({ dialect: new PostgresDialect({ pool: prepareStatements(pool) }) })

  const open = async () => {
    isOpening = true
    await pool.query('select').catch(() => undefined)
    isOpening = false
  }
  return {
    db() {
      if (isOpen) return db
      if (!isOpening && !pool.ending) void open()
      return null
    },
    lossy: true,
    reset: () => void socket.destroy(),
    async close() {
      socket.destroy()
      await db.destroy()
      // Kysely leaves alone a pool that it never used.
      if (!pool.ending) await pool.end()
    },
  }
}

/** One process, one connection, and nothing in between that could lose a notification. */
export async function listenOnEmbedded(
  pglite: PGlite,
  db: Database,
  channel: string,
  hear: (payload: string) => void,
): Promise<Listener> {
  const stop = await pglite.listen(channel, hear)
  return {
    db: () => db,
    lossy: false,
    reset: () => undefined,
    async close() {
      if (!pglite.closed) await stop()
    },
  }
}
