// Owns the proof that only the client's own key makes an assertion about it (TK-12); what it has to say is in grants/client-credentials.

import { createHmac, createPublicKey, randomUUID } from 'node:crypto'
import { exportJWK, generateKeyPair, SignJWT } from 'jose'
import t from 'tap'
import { build } from '../support/gatehouse.ts'
import { postForm } from '../support/oauth.ts'
import { createKeyedClient } from '../support/operator-clients.ts'

const TYPE = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'

const base64url = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')

t.test('an assertion that another key signed, or none, is refused', async (t) => {
  const running = await build(t)
  const { origin } = running
  const options = { grants: ['client_credentials'], scope: 'demo:read' }
  const machine = await createKeyedClient(running, options)
  const other = await createKeyedClient(running, options)
  const stranger = await generateKeyPair('ES256')
  const claims = (more: object = {}) => ({
    iss: machine.id,
    sub: machine.id,
    aud: origin,
    jti: randomUUID(),
    iat: Math.floor(Date.now() / 1000),
    exp: Math.floor(Date.now() / 1000) + 60,
    ...more,
  })
  const sign = (payload: object, key = machine.key, kid = 'k1') =>
    new SignJWT({ ...payload }).setProtectedHeader({ alg: 'ES256', kid }).sign(key)
  const send = (client_assertion: string) =>
    postForm(`${origin}/token`, {
      grant_type: 'client_credentials',
      resource: `${origin}/mcp`,
      client_assertion_type: TYPE,
      client_assertion,
    })
  const unsigned = `${base64url({ alg: 'none' })}.${base64url(claims())}.`
  const symmetric = `${base64url({ alg: 'HS256', kid: 'k1' })}.${base64url(claims())}`
  const { d: _, ...publicJwk } = await exportJWK(machine.key)
  const publicKey = createPublicKey({ key: publicJwk, format: 'jwk' }).export({ type: 'spki', format: 'pem' })
  const refused: Readonly<Record<string, string>> = {
    'no signature': unsigned,
    'a signature with the public key as a secret': `${symmetric}.${createHmac('sha256', publicKey).update(symmetric).digest('base64url')}`,
    'the key of another client': await sign(claims(), other.key),
    'a key of nobody': await sign(claims(), stranger.privateKey),
    'another client as the issuer': await sign(claims({ iss: other.id })),
    'no end': await sign(claims({ exp: undefined })),
    'an end in the past': await sign(claims({ exp: Math.floor(Date.now() / 1000) - 120 })),
    nonsense: 'x.y.z',
  }
  for (const [what, assertion] of Object.entries(refused)) {
    const { status, body } = await send(assertion)
    t.match([status, body.error], [/40[01]/, /invalid_(client|request)/], what)
    t.notOk('access_token' in body)
  }
  t.equal((await send(await sign(claims()))).status, 200)
})
