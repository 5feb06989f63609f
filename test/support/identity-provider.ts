// Owns an organization's identity provider in tests, as far as we meet it: its keys on a real server, and its assertions.

import { randomUUID } from 'node:crypto'
import { createServer } from 'node:http'
import { exportJWK, type GenerateKeyPairResult, generateKeyPair, SignJWT } from 'jose'
import type { Teardown } from './database.ts'
import { serveLocally } from './local-server.ts'

export interface IdentityProvider {
  readonly issuer: string
  /** For the configuration. */
  readonly env: Readonly<Record<string, string>>
  /** How often its keys were fetched. */
  readonly fetches: () => number
  /** From then on it answers with this status. */
  answerWith(status: number): void
  /** A good ID-JAG, but for what the claims and the header say. */
  assert(claims: Claims, header?: Claims, key?: GenerateKeyPairResult['privateKey']): Promise<string>
}

const KID = 'idp-0'

type Claims = Readonly<Record<string, unknown>>

export async function startIdentityProvider(t: Teardown, variables: Claims = {}): Promise<IdentityProvider> {
  const { publicKey, privateKey } = await generateKeyPair('ES256', { extractable: true })
  const jwks = JSON.stringify({ keys: [{ ...(await exportJWK(publicKey)), kid: KID }] })
  let fetches = 0
  let status = 200
  const server = createServer((_request, response) => {
    fetches += 1
    response.writeHead(status, { 'content-type': 'application/json' }).end(jwks)
  })
  const issuer = await serveLocally(t, server)

  return {
    issuer,
    env: {
      TRUSTED_ISSUER_ACME_ISSUER: issuer,
      TRUSTED_ISSUER_ACME_JWKS_URI: `${issuer}/keys`,
      ...Object.fromEntries(
        Object.entries(variables).map(([name, value]) => [`TRUSTED_ISSUER_ACME_${name}`, String(value)]),
      ),
    },
    fetches: () => fetches,
    answerWith(next) {
      status = next
    },
    async assert(claims, header = {}, key) {
      const now = Math.floor(Date.now() / 1000)
      return await new SignJWT({
        iss: issuer,
        sub: 'U019488227',
        jti: randomUUID(),
        iat: now,
        exp: now + 300,
        ...claims,
      })
        .setProtectedHeader({ alg: 'ES256', typ: 'oauth-id-jag+jwt', kid: KID, ...header })
        .sign(key ?? privateKey)
    },
  }
}
