// Owns opening and closing the database: PostgreSQL over a pool, or embedded PGlite behind a lock.
import { mkdir } from 'node:fs/promises'
import { dirname } from 'node:path'
import { Kysely, PGliteDialect, PostgresDialect, sql } from 'kysely'
import pg from 'pg'
import { lockDirectory } from './directory-lock.ts'
import { startPGlite } from './embedded.ts'
import { type Listen, listenOnEmbedded, listenOnPostgres } from './listener.ts'
import { prepareStatements } from './prepared-statements.ts'
import type { Database, Tables } from './tables.ts'
import { unusable } from './unusable.ts'

export type { Database } from './tables.ts'

const POOL_SIZE = 10
const CONNECT_TIMEOUT_MS = 5_000
const STATEMENT_TIMEOUT_MS = 15_000
/** By then the server has given up too. A path that swallows what is sent would keep a request waiting for ever. */
const ANSWER_TIMEOUT_MS = STATEMENT_TIMEOUT_MS + 1_000
/** A transaction whose process went away without a word gives back its row locks after this long. */
const IDLE_TRANSACTION_TIMEOUT_MS = 30_000

export type DatabaseConfig =
  | { readonly kind: 'postgres'; readonly url: string }
  | { readonly kind: 'embedded'; readonly directory: string }

export interface OpenDatabase {
  readonly db: Database
  readonly kind: DatabaseConfig['kind']
  /** For a library that speaks to PostgreSQL itself; null for the embedded database. */
  readonly pool: Pool | null
  /** Close what it returns before this. */
  readonly listen: Listen
  close(): Promise<void>
}

export type Pool = pg.Pool

export interface OpenOptions {
  /** Told when a connection that nobody was using breaks. The pool replaces it. */
  readonly log?: { warn(details: object, message: string): void }
  readonly poolSize?: number
  /** Shorter, for tests. */
  readonly answerTimeoutMs?: number
}

/** Throws DirectoryInUseError when another process has the embedded database open. Does not migrate. */
export async function openDatabase(config: DatabaseConfig, options: OpenOptions = {}): Promise<OpenDatabase> {
  return config.kind === 'postgres' ? openPostgres(config.url, options) : await openEmbedded(config.directory)
}

/** Resolves when the database answers. */
export async function ping(db: Database): Promise<void> {
  await sql`select 1`.execute(db)
}

/** As `ping`, at the start: throws what the operator is told. */
export async function reach({ db, kind }: Pick<OpenDatabase, 'db' | 'kind'>): Promise<void> {
  const variable = kind === 'postgres' ? 'DATABASE_URL' : 'DATA_DIR'
  await ping(db).catch(unusable(`The database of ${variable} cannot be used`))
}

function openPostgres(
  url: string,
  { log, poolSize = POOL_SIZE, answerTimeoutMs = ANSWER_TIMEOUT_MS }: OpenOptions,
): OpenDatabase {
  const pool = new pg.Pool({
    connectionString: url,
    max: poolSize,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    query_timeout: answerTimeoutMs,
    keepAlive: true,
    onConnect: setTimeouts,
  })
  // Without a listener, a restart of PostgreSQL would end this process.
  pool.on('error', (error) => log?.warn({ err: error }, 'a database connection broke'))
  // So would one that breaks between two statements of a transaction. Whoever has it learns so from the next statement.
  pool.on('connect', (client) => client.on('error', () => {}))
  const db = new Kysely<Tables>({ dialect: new PostgresDialect({ pool: prepareStatements(pool) }) })
  return {
    db,
    kind: 'postgres',
    pool,
    listen: async (channel, hear) => listenOnPostgres(url, channel, hear),
    async close() {
      await db.destroy()
      // Kysely leaves alone a pool that it never used.
      if (!pool.ending) await pool.end()
    },
  }
}

/** By SET, not by start-up parameters, which poolers in between refuse. */
async function setTimeouts(client: pg.ClientBase): Promise<void> {
  await client.query(`set statement_timeout = ${STATEMENT_TIMEOUT_MS}`)
  await client.query(`set idle_in_transaction_session_timeout = ${IDLE_TRANSACTION_TIMEOUT_MS}`)
}

async function openEmbedded(directory: string): Promise<OpenDatabase> {
  await mkdir(dirname(directory), { recursive: true, mode: 0o700 }).catch(
    unusable('DATA_DIR has to be a directory that this user may write to'),
  )
  const lock = await lockDirectory(directory)
  try {
    const pglite = await startPGlite(directory)
    const db = new Kysely<Tables>({ dialect: new PGliteDialect({ pglite }) })
    return {
      db,
      kind: 'embedded',
      pool: null,
      listen: (channel, hear) => listenOnEmbedded(pglite, db, channel, hear),
      async close() {
        await db.destroy()
        if (!pglite.closed) await pglite.close()
        await lock.release()
      },
    }
  } catch (error) {
    await lock.release()
    throw error
  }
}
