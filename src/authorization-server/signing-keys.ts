// Owns the keys that sign tokens: made once, stored sealed, published at /jwks.

import {
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type JsonWebKey,
  type KeyObject,
} from 'node:crypto'
import { calculateJwkThumbprint } from 'jose'
import type { Database } from '../storage/database.ts'
import type { Keyring } from '../storage/sealing.ts'
import * as signingKeys from '../storage/signing-keys.ts'

/** RFC 7518 §3.4. Every client in the field verifies ES256; it signs five times as fast as RS256. */
export const SIGNING_ALGORITHM = 'ES256'

const PURPOSE = 'signing-key'

export interface SigningKey {
  readonly kid: string
  readonly alg: typeof SIGNING_ALGORITHM
  readonly privateJwk: JsonWebKey
  readonly publicKey: KeyObject
}

/**
 * The keys in use, the one that signs first. Makes the first one when there is none; replicas that start together agree
 * on one. Throws when a stored key cannot be opened: the master key is not the one it was sealed with.
 */
export async function loadSigningKeys(db: Database, keyring: Keyring): Promise<readonly SigningKey[]> {
  const stored = await signingKeys.listOrCreateFirst(db, () => generate(keyring))
  return stored.map((row) => open(row, keyring))
}

async function generate(keyring: Keyring): Promise<signingKeys.NewSigningKey> {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const publicJwk = publicKey.export({ format: 'jwk' })
  const kid = await calculateJwkThumbprint({
    kty: 'EC',
    crv: 'P-256',
    x: publicJwk.x ?? '',
    y: publicJwk.y ?? '',
  })
  const sealedPrivate = keyring.seal(PURPOSE, JSON.stringify(privateKey.export({ format: 'jwk' })), kid)
  return { kid, alg: SIGNING_ALGORITHM, publicJwk, sealedPrivate }
}

function open({ kid, sealedPrivate }: signingKeys.StoredSigningKey, keyring: Keyring): SigningKey {
  const plain = keyring.open(PURPOSE, sealedPrivate, kid)
  if (plain === null) {
    throw new Error(
      'The signing keys in the database were sealed with another SECRET_KEY. Start with that one.',
    )
  }
  const privateJwk: JsonWebKey = JSON.parse(plain.toString())
  const publicKey = createPublicKey(createPrivateKey({ key: privateJwk, format: 'jwk' }))
  return { kid, alg: SIGNING_ALGORITHM, privateJwk, publicKey }
}
