// Owns the one-way form of what a bearer presents: tokens, codes, links.
import { createHash } from 'node:crypto'

declare const brand: unique symbol

/** SHA-256, base64url. A token cannot be passed where its hash is wanted. */
export type TokenHash = string & { readonly [brand]: 'TokenHash' }

/** Tokens have 128 random bits or more, so neither salt nor stretching is needed. Never for passwords. */
export function hashToken(token: string): TokenHash {
  // The brand constructor: the only place where a string becomes a TokenHash.
  return createHash('sha256').update(token).digest('base64url') as TokenHash
}
