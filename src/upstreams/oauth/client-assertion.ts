// Owns the client assertion: saying who we are to an authorization server with a key instead of a secret (RFC 7523 §2.2).

import { createPrivateKey, randomUUID } from 'node:crypto'
import { SignJWT } from 'jose'
import type { ClientKey } from '../../oauth/upstream-auth.ts'

const LIFE_SECONDS = 120
export const ASSERTION_TYPE = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'

/** `audience`: the issuer, or the token endpoint of a server that has none. Good once, by its `jti`. */
export async function clientAssertion(
  clientId: string,
  { pem, id, algorithm }: ClientKey,
  audience: string,
): Promise<string> {
  const now = Math.floor(Date.now() / 1000)
  return new SignJWT()
    .setProtectedHeader({ alg: algorithm, typ: 'JWT', ...(id !== null && { kid: id }) })
    .setIssuer(clientId)
    .setSubject(clientId)
    .setAudience(audience)
    .setJti(randomUUID())
    .setIssuedAt(now)
    .setExpirationTime(now + LIFE_SECONDS)
    .sign(createPrivateKey(pem))
}
