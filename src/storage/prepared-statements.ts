// Owns server-side prepared statements: every SQL text gets a name, so PostgreSQL parses and plans it once a connection.
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
  function query<R>(text: string, values: readonly unknown[]): Promise<PostgresQueryResult<R>>
  function query<R>(cursor: PostgresCursor<R>): PostgresCursor<R>
  function query(
    text: string | PostgresCursor<unknown>,
    values: readonly unknown[] = [],
  ): PostgresCursor<unknown> | Promise<PostgresQueryResult<unknown>> {
    if (typeof text !== 'string') throw new Error('Cursors are not used here.')
    const name = values.length === 0 ? undefined : nameOf(text)
    return client.query({ name, text, values: [...values] }).then(kyselyResult)
  }
  return { query, release: (destroy) => client.release(destroy) }
}

type Command = PostgresQueryResult<unknown>['command']

/** What Kysely tells apart: writes, whose rows it counts, and the ends of transactions. */
const COMMANDS: readonly Command[] = ['INSERT', 'UPDATE', 'DELETE', 'MERGE', 'COMMIT', 'ROLLBACK']

function kyselyResult({ command, rowCount, rows }: pg.QueryResult): PostgresQueryResult<unknown> {
  return { command: COMMANDS.find((known) => known === command) ?? 'SELECT', rowCount: rowCount ?? 0, rows }
}
