// Owns what a registration is given: an identifier of its own, or that of an unused client that is the same (decision 0014).

import { createHmac, randomBytes } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import { errors } from 'oidc-provider'
import { hashToken } from '../storage/hash.ts'
import * as stored from '../storage/registrations.ts'
import type { Transactions } from '../storage/transactions.ts'
import { canonical } from './client-fingerprint.ts'
import { SHARED_NOTE } from './client-marks.ts'
import { type ClientMetadataRules, normaliseClientMetadata } from './client-metadata.ts'

/** From registering to a person's consent. Whoever takes longer is told `invalid_client` and registers again. */
const UNUSED_REGISTRATION_TTL_SECONDS = 24 * 60 * 60
/** Enough for every sign-in of a day, and 80 MB at worst. */
const MOST_UNUSED_REGISTRATIONS = 5000

export interface RegistrationsNeeds {
  readonly transactions: Transactions
  readonly rules: ClientMetadataRules
  /** Makes a pseudonym of the address that a registration comes from. */
  readonly pseudonymKey: Buffer
  /** Old ones make room for new ones beyond this. */
  readonly mostUnused?: number
  /** Told when that happened. */
  readonly onEvicted: (count: number) => void
}

export interface Registrations {
  /** Looks for an unused client that this request may share, before oidc-provider sees the request. */
  prepare(request: IncomingMessage, body: string, addressGroup: string): Promise<void>
  /** For oidc-provider's `idFactory`. */
  idFor(request: IncomingMessage): string
  store(request: IncomingMessage, id: string, metadata: Readonly<Record<string, unknown>>): Promise<void>
}

interface Prepared {
  readonly sharedId: string | null
  readonly twinHash: string | null
  readonly from: string
}

export function createRegistrations(needs: RegistrationsNeeds): Registrations {
  const { transactions, rules, pseudonymKey, mostUnused = MOST_UNUSED_REGISTRATIONS, onEvicted } = needs
  const requests = new WeakMap<IncomingMessage, Prepared>()
  const expiresInSeconds = UNUSED_REGISTRATION_TTL_SECONDS

  return {
    async prepare(request, body, addressGroup) {
      const from = createHmac('sha256', pseudonymKey).update(addressGroup).digest('base64url')
      const twinHash = twinHashOf(JSON.parse(body), rules)
      const sharing = { note: SHARED_NOTE, expiresInSeconds }
      const sharedId =
        twinHash === null ? null : await stored.share(transactions.current(), { twinHash, ...sharing })
      requests.set(request, { sharedId, twinHash, from })
    },
    idFor: (request) => requests.get(request)?.sharedId ?? newClientId(),
    async store(request, id, metadata) {
      const { sharedId = null, twinHash = null, from = '' } = requests.get(request) ?? {}
      const db = transactions.current()
      // The client to be shared may have been evicted just now; who got it first still has its identifier.
      const noted = sharedId === null ? metadata : { ...metadata, ...SHARED_NOTE }
      await stored.save(db, { id, metadata: noted, twinHash, from, expiresInSeconds })
      const evicted = await stored.evict(db, mostUnused)
      if (evicted > 0) onEvicted(evicted)
    },
  }
}

/** 128 bits; hexadecimal, so that it can be typed after a command without being taken for an option. */
export function newClientId(): string {
  return randomBytes(16).toString('hex')
}

/**
 * Equal for two requests exactly when they would make the same client. Null when this one must have a client of its own:
 * it gets a secret, which cannot be told twice; or it will be refused.
 */
function twinHashOf(metadata: Readonly<Record<string, unknown>>, rules: ClientMetadataRules): string | null {
  try {
    const effective = normaliseClientMetadata(metadata, 'registration', rules)
    return effective.token_endpoint_auth_method === 'none' ? hashToken(canonical(effective)) : null
  } catch (error) {
    if (error instanceof errors.OIDCProviderError) return null
    throw error
  }
}
