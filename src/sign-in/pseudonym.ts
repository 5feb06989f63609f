// Owns what stands for an account or an address where its name must not be: in counters and in logs.

import { createHmac } from 'node:crypto'

export type Pseudonym = (kind: 'account' | 'address', value: string) => string

/** Keyed, because the hash of an email address alone is found by trying addresses. */
export function createPseudonym(key: Uint8Array): Pseudonym {
  return (kind, value) =>
    createHmac('sha256', key).update(`${kind}\0${value}`).digest().subarray(0, 16).toString('base64url')
}
