// Owns the proof that the endpoints for clients give nothing to who is not entitled to it (TK-03, TK-04, TK-07, TK-14, CD-08, PK-04, PK-06, RF-04, RF-13).

import { sql } from 'kysely'
import t, { type Test } from 'tap'
import * as clients from '../../src/storage/clients.ts'
import * as users from '../../src/storage/users.ts'
import type { Browser } from '../support/browser.ts'
import { build, type Running } from '../support/gatehouse.ts'
import { type Answer, authorizationRequest, postForm, type Registered, register } from '../support/oauth.ts'
import { authorize, connect, type Redemption, redeem, refresh } from '../support/sign-in.ts'

const ALICE = 'alice@example.com'

async function stage(t: Test) {
  const running = await build(t)
  const alice = await running.createPerson(ALICE)
  const desk = running.browser()
  return { ...running, alice, desk, codeFor: (client: Registered) => codeFor(running, desk, client) }
}

async function codeFor({ origin }: Running, desk: Browser, client: Registered): Promise<Redemption> {
  const request = authorizationRequest(origin, client.client_id)
  const code = (await authorize(desk, request, ALICE)).get('code') ?? ''
  return { client, code, verifier: request.verifier }
}

function basic(text: string | Uint8Array) {
  return { authorization: `Basic ${Buffer.from(text).toString('base64')}` }
}

t.test('a client with a secret is let in with it alone', async (t) => {
  const { origin, codeFor } = await stage(t)
  const client = await register(origin, { token_endpoint_auth_method: 'client_secret_basic' })
  const open = await register(origin, { client_name: 'Open' })
  const redemption = await codeFor(client)
  const good = `${client.client_id}:${client.client_secret}`
  const without = { client_id: undefined }
  const tries: Readonly<Record<string, () => Promise<Answer>>> = {
    'no secret': () => redeem(origin, redemption),
    'a wrong secret': () => redeem(origin, redemption, { client_secret: 'x' }),
    'an empty secret': () => redeem(origin, redemption, { client_secret: '' }),
    'another client’s identifier': () => redeem(origin, redemption, { client_id: open.client_id }),
    'a secret for a client that has none': () =>
      redeem(origin, redemption, { client_id: open.client_id, client_secret: client.client_secret }),
    'an unsigned assertion': () =>
      redeem(origin, redemption, {
        client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
        client_assertion: `eyJhbGciOiJub25lIn0.${Buffer.from(JSON.stringify({ sub: client.client_id })).toString('base64url')}.`,
      }),
  }
  for (const [what, send] of Object.entries(tries)) t.match((await send()).status, /40[01]/, what)

  const { client_id: _, ...fields } = {
    grant_type: 'authorization_code',
    client_id: client.client_id,
    code: redemption.code,
    code_verifier: redemption.verifier,
    redirect_uri: 'http://127.0.0.1:33000/callback',
  }
  const malformed = [
    { authorization: 'Basic ****' },
    { authorization: 'Basic' },
    { authorization: 'Basic ' },
    { authorization: `Bearer ${good}` },
    { authorization: `Basic ${'A'.repeat(8000)}` },
    basic('no-colon'),
    basic(Uint8Array.of(0xff, 0xfe, 0x3a, 0xff)),
    basic(`${client.client_id}:%zz`),
    basic(`${client.client_id}:`),
    basic(`:${client.client_secret}`),
    basic(`${good}x`),
    basic(Buffer.from(good).toString('base64')),
  ]
  for (const headers of malformed) {
    const { status, body } = await postForm(`${origin}/token`, fields, headers)
    t.match([status, body.error], [/40[01]/, /invalid_(request|client)/], headers.authorization.slice(0, 40))
  }
  const wrong = await postForm(`${origin}/token`, fields, basic(`${client.client_id}:wrong`))
  t.equal(wrong.status, 401)
  t.match(wrong.headers.get('www-authenticate'), /^Basic /, 'RFC 6749 §5.2')
  const twice = await postForm(
    `${origin}/token`,
    { ...fields, client_secret: client.client_secret },
    basic(good),
  )
  t.match(twice.body, { error: 'invalid_request', error_description: /one mechanism/ })

  t.equal((await redeem(origin, redemption, without)).status, 400)
  t.equal(
    (await postForm(`${origin}/token`, fields, basic(good))).status,
    200,
    'and nothing of it spent the code',
  )
})

t.test(
  'a secret counts in the header and in the body alike, a key or nothing does not become one',
  async (t) => {
    const { origin } = await stage(t)
    const jwks = { keys: [{ kty: 'RSA', n: 'AQAB', e: 'AQAB', kid: 'k1' }] }
    // RFC 7009 §2.2: a token of nobody is answered with 200, to who is let in.
    const inBody = (client_id: string, client_secret: string) =>
      postForm(`${origin}/revoke`, { token: 'x', client_id, client_secret })
    const inHeader = (id: string, secret: string) =>
      postForm(`${origin}/revoke`, { token: 'x' }, basic(`${id}:${secret}`))

    for (const token_endpoint_auth_method of ['client_secret_basic', 'client_secret_post']) {
      const { client_id, client_secret } = await register(origin, { token_endpoint_auth_method })
      for (const present of [inBody, inHeader]) {
        t.equal((await present(client_id, String(client_secret))).status, 200)
        t.match(await present(client_id, 'x'), { status: 401, body: { error: 'invalid_client' } })
      }
    }
    for (const metadata of [{}, { token_endpoint_auth_method: 'private_key_jwt', jwks }]) {
      const { client_id } = await register(origin, metadata)
      for (const present of [inBody, inHeader])
        t.match(await present(client_id, 'x'), { status: 401, body: { error: 'invalid_client' } })
    }
  },
)

t.test('a grant that is not offered, or not to this client, is refused', async (t) => {
  const { origin } = await stage(t)
  const { client_id } = await register(origin)
  const errorOf = async (grant_type: string | undefined) => {
    const answer = await postForm(`${origin}/token`, { client_id, grant_type, username: 'a', password: 'b' })
    t.equal(answer.status, 400, grant_type ?? 'none')
    return answer.body.error
  }
  for (const name of [
    'password',
    'implicit',
    '__proto__',
    'constructor',
    'toString',
    'urn:ietf:params:oauth:grant-type:jwt-bearer',
  ])
    t.equal(await errorOf(name), 'unsupported_grant_type', name)
  for (const name of ['client_credentials', 'urn:ietf:params:oauth:grant-type:token-exchange'])
    t.equal(await errorOf(name), 'unauthorized_client', name)
  for (const name of ['', undefined]) t.equal(await errorOf(name), 'invalid_request', name ?? 'none')
})

t.test('a verifier that could be none is refused, and the right one still works', async (t) => {
  const { origin, codeFor } = await stage(t)
  const client = await register(origin)
  const redemption = await codeFor(client)
  for (const code_verifier of [
    'x'.repeat(42),
    'x'.repeat(129),
    '='.repeat(43),
    '+'.repeat(43),
    'é'.repeat(43),
    '\0'.repeat(43),
    '',
  ])
    t.match(await redeem(origin, redemption, { code_verifier }), {
      status: 400,
      body: { error: /invalid_(request|grant)/ },
    })
  t.equal((await redeem(origin, redemption)).status, 200)
})

t.test('a code that is bound to no verifier is none', async (t) => {
  const { origin, db, codeFor } = await stage(t)
  const client = await register(origin)
  const unbound = await codeFor(client)
  await sql`update artifacts set payload = payload - 'codeChallenge' where model = 'AuthorizationCode'`.execute(
    db,
  )
  const bound = await codeFor(client)
  for (const fields of [{}, { code_verifier: undefined }])
    t.match(await redeem(origin, unbound, fields), { status: 400, body: { error: 'invalid_grant' } })
  t.match(await redeem(origin, bound, { code_verifier: undefined }), { status: 400 })
  t.equal((await redeem(origin, bound)).status, 200)
})

t.test('a page may only use the answers for a client that is its own', async (t) => {
  const { origin, desk } = await stage(t)
  const page = 'http://localhost:6274'
  const client = await register(origin, { redirect_uris: [`${page}/oauth/callback`, 'https://app.test/cb'] })
  const { refreshToken } = await connect(origin, desk, ALICE, { metadata: { client_name: 'Native' } })
  const ask = (from: string) =>
    postForm(
      `${origin}/token`,
      { grant_type: 'refresh_token', client_id: client.client_id, refresh_token: refreshToken },
      { origin: from },
    )

  for (const from of [
    'https://evil.test',
    'null',
    'http://localhost:1',
    'http://127.0.0.1:6274',
    'https://app.test.evil.test',
  ]) {
    const { headers, body } = await ask(from)
    t.equal(headers.get('access-control-allow-origin'), null, from)
    t.equal(body.error, 'invalid_request', from)
  }
  for (const from of [page, 'https://app.test']) {
    const { headers, body } = await ask(from)
    t.equal(headers.get('access-control-allow-origin'), from)
    t.equal(headers.get('access-control-allow-credentials'), null)
    t.equal(body.error, 'invalid_grant', 'and what is wrong can be read there')
  }
})

t.test('a code is worth nothing once the person, the client or the consent is gone', async (t) => {
  const { origin, alice, db, desk, codeFor } = await stage(t)
  const good = await register(origin, { client_name: 'Good' })

  const removed = await register(origin, { client_name: 'Removed' })
  const removedCode = await codeFor(removed)
  await clients.remove(db, removed.client_id)
  t.equal((await redeem(origin, removedCode)).status, 401, 'the client')

  const disconnected = await register(origin, { client_name: 'Disconnected' })
  const disconnectedCode = await codeFor(disconnected)
  const account = await desk.open(`${origin}/account`)
  await desk.submit(account, {}, undefined, 'form[action="/account/apps/disconnect"]')
  t.equal((await redeem(origin, disconnectedCode)).status, 400, 'the consent')

  t.equal((await redeem(origin, await codeFor(good))).status, 200)
  const late = await codeFor(good)
  await users.disable(db, alice.id)
  t.equal((await redeem(origin, late)).status, 400, 'the person')
})

t.test('a token for a resource is not one for the person’s own data, nor for others to revoke', async (t) => {
  const { origin, desk } = await stage(t)
  const { client, accessToken, refreshToken } = await connect(origin, desk, ALICE, {
    parameters: { scope: 'openid demo:read' },
  })
  const stranger = await register(origin, { client_name: 'Stranger' })

  for (const authorization of [`Bearer ${accessToken}`, 'Bearer x', 'Basic x'])
    t.match((await fetch(`${origin}/userinfo`, { headers: { authorization } })).status, /40[01]/)
  const { status } = await postForm(`${origin}/revoke`, {
    client_id: stranger.client_id,
    token: refreshToken,
  })
  t.equal(status, 200, 'RFC 7009 §2.2: who is not told anything cannot learn anything')
  t.match((await postForm(`${origin}/revoke`, { token: refreshToken })).status, /40[01]/)
  t.equal((await refresh(origin, client.client_id, refreshToken)).status, 200, 'it is as good as before')
})
