// Owns statements that we sign beside the tokens of oidc-provider: what others are told about a person, verifiable by `/jwks`.

import { createPrivateKey, type KeyObject } from 'node:crypto'
import { SignJWT } from 'jose'
import type { SigningKeys } from './key-rotation.ts'
import type { SigningKey } from './signing-keys.ts'

export interface OwnStatement {
  readonly typ: string
  readonly claims: Readonly<Record<string, unknown>>
}

export type SignStatement = (statement: OwnStatement) => Promise<string>

const ALGORITHM = 'ES256'

/** By whichever key signs at the moment. */
export function createSignStatement(keys: Pick<SigningKeys, 'published'>): SignStatement {
  const opened = new WeakMap<SigningKey, KeyObject>()

  function privateKeyOf(key: SigningKey): KeyObject {
    const known = opened.get(key) ?? createPrivateKey({ key: key.privateJwk, format: 'jwk' })
    opened.set(key, known)
    return known
  }

  return async ({ typ, claims }) => {
    // The ones that sign come first.
    const key = keys.published().find(({ alg }) => alg === ALGORITHM)
    if (!key) throw new Error(`There is no key for ${ALGORITHM}.`)
    const header = { alg: ALGORITHM, typ, kid: key.kid }
    return new SignJWT({ ...claims }).setProtectedHeader(header).sign(privateKeyOf(key))
  }
}
