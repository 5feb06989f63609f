// Owns what tokens are signed with: access tokens always alike, ID tokens as the client asked.

import { createLocalJWKSet, decodeProtectedHeader, type JWTVerifyResult, jwtVerify } from 'jose'
import t from 'tap'
import { build } from '../support/gatehouse.ts'
import { getJson } from '../support/oauth.ts'
import { connect } from '../support/sign-in.ts'

const ALICE = 'alice@example.com'

t.test('a client that only knows RS256 gets its ID tokens with it, any other ES256', async (t) => {
  const { origin, browser, createPerson } = await build(t)
  const alice = await createPerson(ALICE)
  const { keys } = (await getJson(`${origin}/jwks`)).body
  const keySet = createLocalJWKSet({ keys: Array.isArray(keys) ? keys : [] })

  const algorithms = { RS256: 'RS256', ES256: 'ES256', PS512: 'ES256', HS256: 'ES256' }
  for (const [asked, expected] of Object.entries(algorithms)) {
    const metadata = { id_token_signed_response_alg: asked }
    const parameters = { scope: 'openid demo:read' }
    const { client, tokens } = await connect(origin, browser(), ALICE, { metadata, parameters })
    const { id_token, access_token } = tokens.body

    const { payload, protectedHeader }: JWTVerifyResult = await jwtVerify(String(id_token), keySet, {
      issuer: origin,
      audience: client.client_id,
    })
    t.equal(protectedHeader.alg, expected, `asked for ${asked}`)
    t.equal(client.id_token_signed_response_alg, expected, 'and the client was told')
    t.equal(payload.sub, alice.id)
    t.equal(decodeProtectedHeader(String(access_token)).alg, 'ES256')
  }
  const { body } = await getJson(`${origin}/.well-known/openid-configuration`)
  t.same(body.id_token_signing_alg_values_supported, ['ES256', 'RS256'])
})
