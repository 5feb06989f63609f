// Owns what the suite wants of a client and Gatehouse does otherwise, and why.

import type { Difference } from './bridge-differences.ts'

export const CLIENT_DIFFERENCES: readonly Difference[] = [
  {
    scenario: 'auth/basic-cimd',
    checks: ['cimd-client-id-used'],
    why: 'the check wants an address of the suite as client id; one on this machine cannot be fetched, so Gatehouse registers',
  },
]
