// Owns a signing key as such: how it is made, sealed and opened.

import {
  createPrivateKey,
  createPublicKey,
  generateKeyPair,
  type JsonWebKey,
  type KeyObject,
  type KeyPairKeyObjectResult,
} from 'node:crypto'
import { promisify } from 'node:util'
import { calculateJwkThumbprint } from 'jose'
import type { Keyring } from '../storage/sealing.ts'
import { type NewSigningKey, resealPrivate, type StoredSigningKey } from '../storage/signing-keys.ts'
import { SIGNING_ALGORITHMS, type SigningAlgorithm } from './key-schedule.ts'

export interface SigningKey {
  readonly kid: string
  readonly alg: SigningAlgorithm
  readonly privateJwk: JsonWebKey
  readonly publicKey: KeyObject
}

const PURPOSE = 'signing-key'
/** RFC 7518 §3.3: 2048 bits or more; each bit costs time at every signature. */
const RSA_BITS = 2048

/** On another thread: a pair of RSA keys takes a tenth of a second and more. */
const generate = promisify(generateKeyPair)
const PAIRS: Readonly<Record<SigningAlgorithm, () => Promise<KeyPairKeyObjectResult>>> = {
  ES256: () => generate('ec', { namedCurve: 'P-256' }),
  RS256: () => generate('rsa', { modulusLength: RSA_BITS }),
}

export const resealSigningKeys = resealPrivate(PURPOSE)

export async function makeSigningKey(alg: SigningAlgorithm, keyring: Keyring): Promise<NewSigningKey> {
  const { privateKey, publicKey } = await PAIRS[alg]()
  const kid = await calculateJwkThumbprint(publicKey)
  const sealedPrivate = keyring.seal(PURPOSE, JSON.stringify(privateKey.export({ format: 'jwk' })), kid)
  return { kid, alg, publicJwk: { ...publicKey.export({ format: 'jwk' }) }, sealedPrivate }
}

/** Throws when it cannot be opened: the master key is not the one that it was sealed with. */
export function openSigningKey({ kid, alg, sealedPrivate }: StoredSigningKey, keyring: Keyring): SigningKey {
  const plain = keyring.open(PURPOSE, sealedPrivate, kid)
  if (plain === null) {
    throw new Error(
      'The signing keys in the database were sealed with another SECRET_KEY. Start with that one.',
    )
  }
  const privateJwk: JsonWebKey = JSON.parse(plain.toString())
  const publicKey = createPublicKey(createPrivateKey({ key: privateJwk, format: 'jwk' }))
  return { kid, alg: algorithmOf(alg), privateJwk, publicKey }
}

function algorithmOf(alg: string): SigningAlgorithm {
  const known = SIGNING_ALGORITHMS.find((each) => each === alg)
  if (!known)
    throw new Error(`A signing key in the database is for ${alg}, which this version does not know.`)
  return known
}
