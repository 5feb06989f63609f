// Owns tokens of tests that are as good as issued ones: signed with the key of a service whose database and secret are at hand.

import { createPrivateKey } from 'node:crypto'
import { SignJWT } from 'jose'
import { openSigningKey } from '../../src/authorization-server/signing-keys.ts'
import type { Database } from '../../src/storage/database.ts'
import { createKeyring } from '../../src/storage/sealing.ts'
import * as signingKeys from '../../src/storage/signing-keys.ts'

export interface Mint {
  readonly db: Database
  readonly secretKeys: readonly string[]
  readonly issuer: string
}

/** For `/mcp` and the upstream `notes`, but for what the claims say. */
export async function mintToken(
  { db, secretKeys, issuer }: Mint,
  claims: Readonly<Record<string, unknown>> = {},
): Promise<string> {
  const stored = (await signingKeys.list(db)).find(({ alg }) => alg === 'ES256')
  if (!stored) throw new Error('no key')
  const key = openSigningKey(stored, createKeyring(secretKeys))
  const now = Math.floor(Date.now() / 1000)
  const usual = {
    iss: issuer,
    aud: `${issuer}/mcp`,
    sub: 'usr_alice',
    client_id: 'client-1',
    gid: 'grant-1',
    scope: 'notes',
    iat: now,
    exp: now + 600,
  }
  return new SignJWT({ ...usual, ...claims })
    .setProtectedHeader({ alg: key.alg, typ: 'at+jwt', kid: key.kid })
    .sign(createPrivateKey({ key: key.privateJwk, format: 'jwk' }))
}
