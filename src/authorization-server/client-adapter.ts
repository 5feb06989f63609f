// Owns how registered clients are stored: their metadata as registered, their secret only as a hash.

import { timingSafeEqual } from 'node:crypto'
import type { Adapter, AdapterPayload } from 'oidc-provider'
import * as clients from '../storage/clients.ts'
import { hashToken } from '../storage/hash.ts'
import type { Transactions } from '../storage/transactions.ts'
import type { Lookups } from './lookups.ts'

export interface ClientAdapterNeeds {
  readonly transactions: Transactions
  readonly lookups: Lookups
}

export function createClientAdapter({ transactions, lookups }: ClientAdapterNeeds): Adapter {
  return {
    async upsert(id, { client_secret, ...metadata }: AdapterPayload, expiresIn) {
      const hashed = client_secret === undefined ? {} : { client_secret: hashToken(client_secret) }
      await clients.save(await transactions.forWriting(), {
        id,
        metadata: { ...metadata, ...hashed },
        expiresInSeconds: expiresIn ?? null,
      })
    },
    async find(id) {
      const client = await lookups.client(id)
      return client === null ? undefined : client.metadata
    },
    async destroy(id) {
      await clients.remove(await transactions.forWriting(), id)
    },
    // The members below belong to other models; a client is never asked for them.
    async findByUid() {},
    async findByUserCode() {},
    async consume() {},
    async revokeByGrantId() {},
  }
}

/** Compares what a client presents with the stored hash, in constant time. Secrets are random, so one SHA-256 is enough. */
export function matchesSecret(stored: string | undefined, presented: string): boolean {
  if (stored === undefined) return false
  const expected = Buffer.from(stored)
  const actual = Buffer.from(hashToken(presented))
  return expected.length === actual.length && timingSafeEqual(expected, actual)
}
