// Owns what machines get in their own name (RFC 6749 §4.4), and what nobody else gets that way.

import { randomUUID } from 'node:crypto'
import { SignJWT } from 'jose'
import * as client from 'openid-client'
import t from 'tap'
import { callWith } from '../support/calling.ts'
import { build } from '../support/gatehouse.ts'
import { claimsOf, getJson, postForm, type Registered, register } from '../support/oauth.ts'
import { basicHeader, createKeyedClient, createOperatorClient } from '../support/operator-clients.ts'

const GRANT = 'client_credentials'

t.test('the metadata says what machines need to know', async (t) => {
  const { origin } = await build(t)
  const { body } = await getJson(`${origin}/.well-known/oauth-authorization-server`)
  t.match(body, {
    grant_types_supported: ['authorization_code', 'refresh_token', GRANT],
    revocation_endpoint: `${origin}/revoke`,
    introspection_endpoint: `${origin}/introspect`,
    pushed_authorization_request_endpoint: `${origin}/par`,
    dpop_signing_alg_values_supported: ['ES256', 'Ed25519', 'EdDSA', 'RS256', 'PS256'],
  })
  t.notOk(JSON.stringify(body.token_endpoint_auth_signing_alg_values_supported).includes('HS'))
  t.notOk('authorization_grant_profiles_supported' in body, 'only with a trusted issuer')
  t.notOk(JSON.stringify(body.grant_types_supported).includes('jwt-bearer'))
})

for (const method of ['client_secret_basic', 'client_secret_post'] as const) {
  t.test(`a machine with a secret gets a token that works (${method})`, async (t) => {
    const running = await build(t)
    const { origin } = running
    const machine = await createOperatorClient(running, { grants: [GRANT], scope: 'demo', method })
    const resource = `${origin}/mcp/demo`

    const tokens = await client.clientCredentialsGrant(machine.configuration, {
      resource,
      scope: 'demo:read',
    })

    t.match(tokens, { token_type: 'bearer', scope: 'demo:read' })
    t.notOk('refresh_token' in tokens)
    t.match(claimsOf(tokens.access_token), {
      sub: machine.id,
      client_id: machine.id,
      aud: resource,
      scope: 'demo:read',
      gid: /^client:/,
    })
    t.equal(await callWith(resource, tokens.access_token), 200)
    t.equal(await callWith(`${origin}/mcp`, tokens.access_token), 401, 'elsewhere')
  })
}

t.test('a machine with a key gets a token, and its assertion is good once', async (t) => {
  const running = await build(t)
  const { origin } = running
  const machine = await createKeyedClient(running, { grants: [GRANT], scope: 'demo:read' })
  const tokens = await client.clientCredentialsGrant(machine.configuration, { resource: `${origin}/mcp` })
  t.match(claimsOf(tokens.access_token), { sub: machine.id, scope: 'demo:read', aud: `${origin}/mcp` })

  const assertion = (claims: Record<string, unknown> = {}, header: Record<string, unknown> = {}) =>
    new SignJWT({ iss: machine.id, sub: machine.id, aud: origin, jti: randomUUID(), ...claims })
      .setProtectedHeader({ alg: 'ES256', kid: 'k1', ...header })
      .setIssuedAt()
      .setExpirationTime('1m')
      .sign(machine.key)
  const attempt = (client_assertion: string) =>
    postForm(`${origin}/token`, {
      grant_type: GRANT,
      client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
      client_assertion,
    })

  const once = await assertion()
  const raced = await Promise.all(Array.from({ length: 6 }, () => attempt(once)))
  t.equal(raced.filter(({ status }) => status === 200).length, 1, 'raced by six')
  t.match(await attempt(once), { status: 401, body: { error: 'invalid_client' } }, 'used before')
  t.equal(
    (await attempt(await assertion({ aud: `${origin}/token` }))).status,
    200,
    'the endpoint as audience',
  )
  const wrong = {
    'two audiences': await assertion({ aud: [origin, 'https://evil.test'] }),
    'one audience in a list': await assertion({ aud: [origin] }),
    'another audience': await assertion({ aud: 'https://evil.test/token' }),
    'no audience': await assertion({ aud: undefined }),
    'no jti': await assertion({ jti: undefined }),
    'another issuer': await assertion({ iss: 'somebody' }),
    'another kid': await assertion({}, { kid: 'k2' }),
    'no signature': `${once.split('.').slice(0, 2).join('.')}.`,
  }
  for (const [how, each] of Object.entries(wrong))
    t.match(await attempt(each), { status: 401, body: { error: 'invalid_client' } }, how)
})

t.test('a machine gets what it was allowed and no more', async (t) => {
  const running = await build(t)
  const { origin } = running
  const reader = await createOperatorClient(running, { grants: [GRANT], scope: 'demo:read' })
  const attempt = (fields: Record<string, string>) =>
    postForm(`${origin}/token`, { grant_type: GRANT, ...fields }, reader.basic)

  t.match(await attempt({}), { status: 200, body: { scope: 'demo:read' } }, 'all of it by default')
  t.match(await attempt({ scope: 'demo:read' }), { status: 200 })
  for (const scope of ['demo', 'demo:unheard-of', 'demo:read demo', 'other', 'openid', 'demo:read openid'])
    t.match(await attempt({ scope }), { status: 400, body: { error: 'invalid_scope' } }, scope)
  t.match(await attempt({ resource: 'https://bank.example/' }), {
    status: 400,
    body: { error: 'invalid_target' },
  })

  const other = await createOperatorClient(running, { grants: [GRANT], scope: 'other' })
  t.match(await postForm(`${origin}/token`, { grant_type: GRANT }, other.basic), {
    status: 400,
    body: { error: 'invalid_scope' },
  })
  const nothing = await createOperatorClient(running, { grants: [GRANT] })
  t.match(await postForm(`${origin}/token`, { grant_type: GRANT }, nothing.basic), { status: 400 })
})

t.test('two resources at once are refused', async (t) => {
  const running = await build(t)
  const { origin } = running
  const machine = await createOperatorClient(running, { grants: [GRANT], scope: 'demo' })
  const body = new URLSearchParams([
    ['grant_type', GRANT],
    ['resource', `${origin}/mcp`],
    ['resource', `${origin}/mcp/demo`],
  ])
  const answer = await fetch(`${origin}/token`, { method: 'POST', body, headers: machine.basic })
  t.equal(answer.status, 400)
  t.match(await answer.json(), { error: 'invalid_target' })
  body.delete('resource', `${origin}/mcp`)
  t.equal((await fetch(`${origin}/token`, { method: 'POST', body, headers: machine.basic })).status, 200)
})

t.test('neither strangers nor clients without credentials get a token this way', async (t) => {
  const running = await build(t)
  const { origin } = running
  const stranger = await register(origin, {
    redirect_uris: ['https://app.example/cb'],
    grant_types: ['authorization_code', GRANT],
    token_endpoint_auth_method: 'client_secret_post',
    scope: 'demo',
    'gatehouse:scope': 'demo',
  })
  t.same(stranger.grant_types, ['authorization_code'])
  const { client_id, client_secret } = stranger
  t.match(await postForm(`${origin}/token`, { grant_type: GRANT, client_id, client_secret }), {
    status: 400,
    body: { error: 'unauthorized_client' },
  })
  const open = await createOperatorClient(running, { grants: [GRANT], scope: 'demo', method: 'none' })
  t.match(await postForm(`${origin}/token`, { grant_type: GRANT, client_id: open.id }), {
    status: 400,
    body: { error: 'unauthorized_client' },
  })
})

t.test('the holder of an initial access token may register a machine, with the scope it names', async (t) => {
  const { origin } = await build(t, {
    env: { REGISTRATION: 'token', INITIAL_ACCESS_TOKENS: 'a-token-that-is-long-enough-to-be-one' },
  })
  const response = await fetch(`${origin}/register`, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      authorization: 'Bearer a-token-that-is-long-enough-to-be-one',
    },
    body: JSON.stringify({
      client_name: 'CI',
      grant_types: [GRANT],
      response_types: [],
      token_endpoint_auth_method: 'client_secret_basic',
      scope: 'demo:read',
    }),
  })
  t.equal(response.status, 201)
  const registered: Registered = JSON.parse(await response.text())
  t.same(registered.grant_types, [GRANT])
  const headers = basicHeader(registered.client_id, registered.client_secret ?? '')
  t.match(await postForm(`${origin}/token`, { grant_type: GRANT }, headers), {
    status: 200,
    body: { scope: 'demo:read' },
  })
  t.match(await postForm(`${origin}/token`, { grant_type: GRANT, scope: 'demo' }, headers), { status: 400 })
})
