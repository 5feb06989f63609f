// Owns the main flow on the wire: discovery, registration, sign-in, consent, code, token.

import t from 'tap'
import { DATABASE_KINDS } from '../support/database.ts'
import { build } from '../support/gatehouse.ts'
import { authorizationRequest, claimsOf, getJson, postForm, register } from '../support/oauth.ts'
import { authorize, callbackOf, connect, redeem, signIn } from '../support/sign-in.ts'

for (const kind of DATABASE_KINDS) {
  t.test(
    `a person signs in, agrees, and the client gets a token for that resource alone (${kind})`,
    async (t) => {
      const { origin, createPerson, browser, db } = await build(t, { kind })
      const alice = await createPerson('alice@example.com')

      const { tokens, client } = await connect(origin, browser(), alice.email, {
        parameters: { scope: 'demo' },
      })

      t.equal(tokens.status, 200)
      t.match(tokens.body, { token_type: 'Bearer', expires_in: 600, scope: 'demo' })
      t.type(tokens.body.refresh_token, 'string')
      t.equal(tokens.headers.get('cache-control'), 'no-store')
      t.match(claimsOf(tokens.body.access_token), {
        iss: origin,
        aud: `${origin}/mcp`,
        sub: alice.id,
        client_id: client.client_id,
        scope: 'demo',
      })
      const header = JSON.parse(
        Buffer.from(String(tokens.body.access_token).split('.')[0] ?? '', 'base64url').toString(),
      )
      t.match(header, { typ: 'at+jwt', alg: 'ES256' })
      const consents = await db.selectFrom('consents').selectAll().execute()
      t.match(consents, [
        { user_id: alice.id, client_id: client.client_id, resource: `${origin}/mcp`, scopes: 'demo' },
      ])
    },
  )
}

t.test('both discovery documents are the same and name this origin', async (t) => {
  const { origin } = await build(t)
  const get = async (path: string) => (await getJson(origin + path)).body

  const document = await get('/.well-known/oauth-authorization-server')

  t.same(await get('/.well-known/openid-configuration'), document)
  t.match(document, {
    issuer: origin,
    authorization_endpoint: `${origin}/authorize`,
    token_endpoint: `${origin}/token`,
    registration_endpoint: `${origin}/register`,
    jwks_uri: `${origin}/jwks`,
    response_types_supported: ['code'],
    code_challenge_methods_supported: ['S256'],
    authorization_response_iss_parameter_supported: true,
    client_id_metadata_document_supported: true,
  })
  t.notOk(String(document.scopes_supported).includes('offline_access'))
  t.match(String(document.token_endpoint_auth_methods_supported), 'none')
})

t.test('the published keys have no private part', async (t) => {
  const { origin } = await build(t)
  const answer = await getJson(`${origin}/jwks`)
  const list: object[] = Array.isArray(answer.body.keys) ? answer.body.keys : []
  t.same(
    list.map((key) => Object.keys(key).sort()),
    [
      ['alg', 'crv', 'kid', 'kty', 'use', 'x', 'y'],
      ['alg', 'e', 'kid', 'kty', 'n', 'use'],
    ],
  )
  t.equal(answer.headers.get('cache-control'), 'public, max-age=600')
  t.same((await getJson(`${origin}/jwks`)).body, answer.body, 'and they stay')
})

t.test('consent is remembered for this person, client and resource', async (t) => {
  const { origin, createPerson, browser } = await build(t)
  const alice = await createPerson('alice@example.com')
  await createPerson('bob@example.com')
  const desk = browser()
  const { client } = await connect(origin, desk, alice.email)

  const again = await desk.open(authorizationRequest(origin, client.client_id).url)
  t.ok(callbackOf(again).get('code'), 'the same request goes straight through')

  const more = await desk.open(authorizationRequest(origin, client.client_id, { scope: 'demo' }).url)
  t.match(more.url, '/consent/', 'a broader scope is asked for')
  const prompted = await desk.open(authorizationRequest(origin, client.client_id, { prompt: 'consent' }).url)
  t.match(prompted.url, '/consent/', 'prompt=consent asks')
  const other = await desk.open(authorizationRequest(origin, (await register(origin)).client_id).url)
  t.match(other.url, '/consent/', 'another client is asked about')
  const bob = await signIn(browser(), authorizationRequest(origin, client.client_id).url, 'bob@example.com')
  t.match(bob.url, '/consent/', 'another person is asked')
})

t.test('saying no ends at the client, with iss and state', async (t) => {
  const { origin, createPerson, browser } = await build(t)
  const alice = await createPerson('alice@example.com')
  const request = authorizationRequest(origin, (await register(origin)).client_id)
  const desk = browser()

  const callback = callbackOf(await desk.submit(await signIn(desk, request.url, alice.email), {}, 'deny'))

  t.equal(callback.get('error'), 'access_denied')
  t.equal(callback.get('iss'), origin)
  t.equal(callback.get('state'), request.state)
  t.notOk(callback.has('code'))
})

t.test('success and error answers both carry iss', async (t) => {
  const { origin, createPerson, browser } = await build(t)
  await createPerson('alice@example.com')
  const { client_id } = await register(origin)

  const success = await authorize(browser(), authorizationRequest(origin, client_id), 'alice@example.com')
  const errors = {
    'no PKCE': { code_challenge: undefined, code_challenge_method: undefined },
    'a foreign resource': { resource: 'https://bank.example/' },
    'prompt=none without a session': { prompt: 'none' },
    'plain PKCE': { code_challenge_method: 'plain' },
    'an implicit response': { response_type: 'token' },
  }

  t.equal(success.get('iss'), origin)
  for (const [what, parameters] of Object.entries(errors)) {
    const page = await browser().open(authorizationRequest(origin, client_id, parameters).url)
    const callback = page.url.includes('#')
      ? new URLSearchParams(new URL(page.url).hash.slice(1))
      : callbackOf(page)
    t.type(callback.get('error'), 'string', what)
    t.equal(callback.get('iss'), origin, what)
  }
})

t.test('the person decides the scope: less than was asked for, or more', async (t) => {
  const { origin, createPerson, browser } = await build(t)
  await createPerson('alice@example.com')
  const grant = async (scope: string, ticked: string[]) => {
    const client = await register(origin)
    const request = authorizationRequest(origin, client.client_id, { scope })
    const code =
      (await authorize(browser(), request, 'alice@example.com', { scope: ticked })).get('code') ?? ''
    const { body } = await redeem(origin, { client, code, verifier: request.verifier })
    return String(body.scope).split(' ').sort()
  }

  t.same(await grant('demo', ['demo:read']), ['demo:read'])
  t.same(await grant('demo:read', ['demo:read', 'demo']), ['demo', 'demo:read'])
})

t.test('a request without scope or resource still gets a token that works', async (t) => {
  const { origin, createPerson, browser } = await build(t)
  await createPerson('alice@example.com')
  const bare = { parameters: { scope: undefined, resource: undefined } }

  const { accessToken } = await connect(origin, browser(), 'alice@example.com', bare)

  t.match(claimsOf(accessToken), { aud: `${origin}/mcp`, scope: 'demo:read' })
})

t.test('a code is for the client, redirect URI and verifier it was issued to', async (t) => {
  const { origin, createPerson, browser } = await build(t)
  await createPerson('alice@example.com')
  const client = await register(origin)
  const stranger = await register(origin, { client_name: 'A stranger' })
  const request = authorizationRequest(origin, client.client_id)
  const code = (await authorize(browser(), request, 'alice@example.com')).get('code') ?? ''
  const right = { client, code, verifier: request.verifier }

  t.match(await redeem(origin, { ...right, client: stranger }), {
    status: 400,
    body: { error: 'invalid_grant' },
  })
  t.match(await redeem(origin, { ...right, verifier: `${request.verifier.slice(0, -1)}!` }), { status: 400 })
  t.match(await redeem(origin, right, { redirect_uri: 'http://127.0.0.1:33001/callback' }), { status: 400 })
  t.match(await redeem(origin, right, { resource: 'https://bank.example/' }), {
    status: 400,
    body: { error: 'invalid_target' },
  })
  t.match(await redeem(origin, right), { status: 200 }, 'none of these spent the code')
})

t.test('an unknown client or redirect URI is shown to the person and redirects nowhere', async (t) => {
  const { origin, browser } = await build(t)
  const { client_id } = await register(origin)

  for (const parameters of [{ client_id: 'nobody' }, { redirect_uri: 'https://evil.example/' }]) {
    const page = await browser().open(authorizationRequest(origin, client_id, parameters).url)
    t.equal(page.status, 400)
    t.match(page.headers.get('content-type'), 'text/html')
    t.match(page.headers.get('content-security-policy'), "frame-ancestors 'none'")
  }
  t.match((await browser().open(authorizationRequest(origin, client_id).url)).url, '/login/')
})

t.test('an app that is not known any more is told apart from one that asks wrongly', async (t) => {
  const { origin, browser } = await build(t)
  const { client_id } = await register(origin)
  const open = async (parameters: { client_id?: string; redirect_uri?: string }) =>
    (await browser().open(authorizationRequest(origin, client_id, parameters).url)).body

  t.match(
    await open({ client_id: 'forgotten' }),
    /does not know it any more[\s\S]*add it again[\s\S]*invalid_client/,
  )
  t.notMatch(await open({ redirect_uri: 'https://evil.example/' }), 'add it again')
})

t.test('why a request is refused is in the log, with who asked', async (t) => {
  const { origin, browser, log } = await build(t)
  const { client_id } = await register(origin)
  const open = (parameters: { redirect_uri?: string }) =>
    browser().open(authorizationRequest(origin, client_id, parameters).url)

  t.match((await open({})).url, '/login/')
  t.notMatch(log(), 'authorization.refused')
  t.equal((await open({ redirect_uri: 'https://evil.example/' })).status, 400)
  t.match(
    log(),
    new RegExp(`"authorization.refused","clientId":"${client_id}","error":"invalid_redirect_uri"`),
  )
})

t.test('a fault of ours at the token endpoint is a 500 that says nothing', async (t) => {
  const { origin, db } = await build(t)
  const { client_id } = await register(origin)
  const fields = { grant_type: 'refresh_token', client_id, refresh_token: 'x'.repeat(43) }
  t.match(await postForm(`${origin}/token`, fields), { status: 400, body: { error: 'invalid_grant' } })

  await db.schema.alterTable('artifacts').renameTo('gone').execute()
  t.match(
    await postForm(`${origin}/token`, fields),
    { status: 500, body: { error: 'server_error' } },
    'our mistake is a 500',
  )
})
