// Owns the list of what is stored sealed, for sealing it again after SECRET_KEY was rotated.

import type { Reseal } from '../storage/resealing.ts'
import { resealIdentifiers, resealPayloads } from '../storage/sealed-artifacts.ts'
import { resealConnections } from '../storage/upstream-connection-row.ts'
import { resealRegistrations } from '../storage/upstream-registrations.ts'
import { IDENTIFIER, PAYLOAD } from './adapter.ts'
import { resealSigningKeys } from './signing-keys.ts'

export const sealedRecords: readonly Reseal[] = [
  resealSigningKeys,
  resealPayloads(PAYLOAD),
  resealIdentifiers(IDENTIFIER),
  resealRegistrations,
  resealConnections,
]
