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
   * The transaction while inside `run`, the root otherwise. Whatever runs inside must ask here: on the embedded database,
   * which has one connection, a query on the root would wait for the transaction it is part of.
   */
  current(): Database
}

export function createTransactions(root: Database): Transactions {
  const running = new AsyncLocalStorage<{ transaction: Database | null }>()
  const current = () => running.getStore()?.transaction ?? root
  return {
    current,
    async run(fn) {
      if (running.getStore()?.transaction) return await fn()
      return await root.transaction().execute(async (transaction) => {
        const scope: { transaction: Database | null } = { transaction }
        try {
          return await running.run(scope, fn)
        } finally {
          // Work that was left running keeps this scope; it must not find a transaction that has ended.
          scope.transaction = null
        }
      })
    },
  }
}

/** `fn` in `db` when that is a transaction already, in a new one otherwise. */
export async function inTransaction<T>(db: Database, fn: (db: Database) => Promise<T>): Promise<T> {
  return db.isTransaction ? await fn(db) : await db.transaction().execute(fn)
}
