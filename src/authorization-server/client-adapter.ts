// Owns how registered clients are stored: their metadata as registered, their secret only as a hash.

import { timingSafeEqual } from 'node:crypto'
import { type Adapter, type AdapterPayload, errors, Provider } from 'oidc-provider'
import * as clients from '../storage/clients.ts'
import { hashToken } from '../storage/hash.ts'
import type { Transactions } from '../storage/transactions.ts'
import { isUnstorable } from '../storage/unstorable.ts'
import type { Lookups } from './lookups.ts'
import type { Registrations } from './registrations.ts'

/** RFC 6749 §A.1; nothing else could be stored either. */
const CLIENT_ID = /^[\x20-\x7e]+$/

export interface ClientAdapterNeeds {
  readonly transactions: Transactions
  readonly lookups: Lookups
  readonly registrations: Registrations
}

export function createClientAdapter({ transactions, lookups, registrations }: ClientAdapterNeeds): Adapter {
  return {
    /** Clients do not manage their registration (RFC 7592), so whatever is stored is a new one. */
    async upsert(id, { client_secret, ...metadata }: AdapterPayload) {
      const request = Provider.ctx?.req
      if (!request) throw new Error('a client is stored outside of a registration')
      const hashed = client_secret === undefined ? {} : { client_secret: hashToken(client_secret) }
      try {
        await registrations.store(request, id, { ...metadata, ...hashed })
      } catch (cause) {
        if (!isUnstorable(cause)) throw cause
        throw new errors.InvalidClientMetadata('a member has the character NUL', { cause })
      }
    },
    async find(id) {
      if (!CLIENT_ID.test(id)) return undefined
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
