// Owns how Kysely's statements reach PostgreSQL: prepared once a connection, and never on a connection that fell silent.
import type { PostgresCursor, PostgresPool, PostgresPoolClient, PostgresQueryResult } from 'kysely'
import type pg from 'pg'

/** Beyond this many texts no new names are given: a connection keeps what it has prepared for ever. */
const STATEMENTS_MAX = 500

/** The pool as Kysely wants it. A statement without parameters (DDL, begin, commit) is never prepared. */
export function prepareStatements(pool: pg.Pool): PostgresPool {
  const nameOf = createNames()
  const wrapped = new WeakMap<pg.PoolClient, PostgresPoolClient>()
  return {
    options: pool.options,
    end: () => pool.end(),
    async connect() {
      const client = await pool.connect()
      const known = wrapped.get(client) ?? wrap(client, nameOf)
      wrapped.set(client, known)
      return known
    },
  }
}

/** As long as Node.js can wait: what changes the schema, or waits for its turn to, may take its time. */
const PATIENCE_MS = 2 ** 31 - 1
const QUICK = /^(?:begin|commit|rollback|select 1)\b/

type NameOf = (text: string) => string | undefined

function createNames(): NameOf {
  const names = new Map<string, string>()
  return (text) => {
    const known = names.get(text)
    if (known !== undefined || names.size >= STATEMENTS_MAX) return known
    const name = `s${names.size}`
    names.set(text, name)
    return name
  }
}

function wrap(client: pg.PoolClient, nameOf: NameOf): PostgresPoolClient {
  let silence: unknown = null
  function query<R>(text: string, values: readonly unknown[]): Promise<PostgresQueryResult<R>>
  function query<R>(cursor: PostgresCursor<R>): PostgresCursor<R>
  function query(
    text: string | PostgresCursor<unknown>,
    values: readonly unknown[] = [],
  ): PostgresCursor<unknown> | Promise<PostgresQueryResult<unknown>> {
    if (typeof text !== 'string') throw new Error('Cursors are not used here.')
    if (silence !== null) return Promise.reject(silence)
    return client.query(statementOf(text, values, nameOf)).then(kyselyResult, (error: unknown) => {
      if (!isAnswer(error)) silence = error
      throw error
    })
  }
  return { query, release: (destroy) => client.release(destroy || silence !== null) }
}

function statementOf(text: string, values: readonly unknown[], nameOf: NameOf) {
  if (values.length > 0) return { name: nameOf(text), text, values: [...values] }
  return QUICK.test(text) ? { text } : { text, query_timeout: PATIENCE_MS }
}

/** PostgreSQL's own word has an SQLSTATE. Without it, nobody knows what the connection would answer next. */
function isAnswer(error: unknown): boolean {
  return error instanceof Error && 'code' in error && /^[0-9A-Z]{5}$/.test(String(error.code))
}

type Command = PostgresQueryResult<unknown>['command']

/** What Kysely tells apart: writes, whose rows it counts, and the ends of transactions. */
const COMMANDS: readonly Command[] = ['INSERT', 'UPDATE', 'DELETE', 'MERGE', 'COMMIT', 'ROLLBACK']

function kyselyResult({ command, rowCount, rows }: pg.QueryResult): PostgresQueryResult<unknown> {
  return { command: COMMANDS.find((known) => known === command) ?? 'SELECT', rowCount: rowCount ?? 0, rows }
}
