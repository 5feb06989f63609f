// Owns when clients were last used: a person's agreement at once, everything after it in one statement every now and then.

import * as clients from '../storage/clients.ts'
import type { Transactions } from '../storage/transactions.ts'

export interface ClientUses {
  /** A person agreed to it: from now on it is theirs, and lives as long as it is used. */
  claim(clientId: string, userId: string): Promise<void>
  /** It got a token. Costs nothing now. */
  note(clientId: string): void
  /** Writes what was noted; at a crash the last minute of it is lost, which 90 days do not notice. */
  flush(): Promise<void>
}

export function createClientUses(transactions: Transactions, unusedTtlSeconds: number): ClientUses {
  const noted = new Set<string>()
  return {
    async claim(clientId, userId) {
      await clients.claim(transactions.current(), clientId, userId, unusedTtlSeconds)
    },
    note: (clientId) => void noted.add(clientId),
    async flush() {
      const ids = [...noted]
      noted.clear()
      await clients.touch(transactions.current(), ids, unusedTtlSeconds)
    },
  }
}
