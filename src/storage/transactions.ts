// Owns which transaction the running request is in.
import { AsyncLocalStorage } from 'node:async_hooks'
import type { Database } from './tables.ts'

export interface Transactions {
  /**
   * Runs `fn` in one transaction: committed when it resolves, rolled back when it rejects. Inside another `run` it joins
   * that one.
   */
  run<T>(fn: () => Promise<T>): Promise<T>
  /**
   * Like `run`, but the transaction begins only when `forWriting` is called: what only reads, or writes by one statement,
   * needs none.
   */
  runLazily<T>(fn: () => Promise<T>): Promise<T>
  /** For writes that belong together: the transaction, begun now if it has not. Outside of a run, the root. */
  forWriting(): Promise<Database>
  /**
   * The transaction while inside `run`, the root otherwise. Whatever runs inside must ask here: on the embedded database,
   * which has one connection, a query on the root would wait for the transaction it is part of.
   */
  current(): Database
}

/** Of one run. */
interface Scope {
  transaction: Database | null
  /** Of a run that is lazy, while it lasts. */
  begin: (() => Promise<Database>) | null
}

export function createTransactions(root: Database): Transactions {
  const running = new AsyncLocalStorage<Scope>()

  const forWriting = async () => {
    const scope = running.getStore()
    return scope?.transaction ?? (await scope?.begin?.()) ?? root
  }

  /** Work that was left running keeps its scope; it must not find a transaction that has ended. */
  const within = async <T>(scope: Scope, fn: () => Promise<T>): Promise<T> => {
    try {
      return await running.run(scope, fn)
    } finally {
      scope.transaction = null
      scope.begin = null
    }
  }

  return {
    current: () => running.getStore()?.transaction ?? root,
    forWriting,
    async run(fn) {
      if ((await forWriting()) !== root) return await fn()
      return await root.transaction().execute((transaction) => within({ transaction, begin: null }, fn))
    },
    async runLazily(fn) {
      const outer = running.getStore()
      if (outer?.transaction || outer?.begin) return await fn()
      const lazy = createLazyTransaction(root)
      const scope: Scope = { transaction: null, begin: null }
      scope.begin = async () => {
        scope.transaction = await lazy.begin()
        return scope.transaction
      }
      return await within(scope, fn).then(lazy.commit, lazy.rollBack)
    },
  }
}

interface LazyTransaction {
  /** Of any number of calls the first one begins. */
  begin(): Promise<Database>
  commit<T>(result: T): Promise<T>
  rollBack(error: unknown): Promise<never>
}

function createLazyTransaction(root: Database): LazyTransaction {
  const opened = Promise.withResolvers<Database>()
  const ended = Promise.withResolvers<void>()
  let finished: Promise<void> | null = null

  const open = async () => {
    await root.transaction().execute((transaction) => {
      opened.resolve(transaction)
      return ended.promise
    })
  }
  return {
    begin() {
      finished ??= open()
      finished.catch(opened.reject)
      return opened.promise
    },
    async commit(result) {
      ended.resolve()
      await finished
      return result
    },
    async rollBack(error) {
      if (finished) ended.reject(error)
      // It fails with the same error, or because the connection is gone and the database has rolled back by itself.
      await finished?.catch(() => {})
      throw error
    },
  }
}

/** `fn` in `db` when that is a transaction already, in a new one otherwise. */
export async function inTransaction<T>(db: Database, fn: (db: Database) => Promise<T>): Promise<T> {
  return db.isTransaction ? await fn(db) : await db.transaction().execute(fn)
}
