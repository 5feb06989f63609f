// Owns the proofs that registering again does not fill the table, and that whoever shares a client gains nothing by it.

import t from 'tap'
import * as clients from '../../src/storage/clients.ts'
import { build, type Running } from '../support/gatehouse.ts'
import { authorizationRequest, postJson, register } from '../support/oauth.ts'
import { authorize, connect, refresh, signIn } from '../support/sign-in.ts'

const count = async ({ db }: Running) => (await db.selectFrom('oauth_clients').select('id').execute()).length

const HOSTED = {
  client_name: 'Claude',
  redirect_uris: ['https://claude.ai/api/mcp/auth_callback'],
}

t.test('the same public client registering again is the same client, until somebody uses it', async (t) => {
  const running = await build(t)
  const { origin, createPerson, browser, db } = running
  const alice = await createPerson('alice@example.com')
  const first = await register(origin)
  const again = await register(origin, { client_name: 'Test client', scope: 'demo' })
  t.equal(again.client_id, first.client_id)
  t.same({ ...again, client_id_issued_at: 0 }, { ...first, client_id_issued_at: 0 })
  t.equal(await count(running), 1)

  await connect(origin, browser(), alice.email, { client: first })
  t.match(await clients.find(db, first.client_id), { ownerId: alice.id, lastUsedAt: Date })
  t.not((await register(origin)).client_id, first.client_id)
})

t.test('what differs in anything, or gets a secret, is a client of its own', async (t) => {
  const { origin } = await build(t)
  const ids = new Set<string>()
  const variants = [
    {},
    { client_name: 'Test client 2' },
    { redirect_uris: ['http://127.0.0.1:33000/other'] },
    { client_uri: 'https://app.example' },
    { token_endpoint_auth_method: 'client_secret_post' },
    { token_endpoint_auth_method: 'client_secret_post' },
  ]
  const secrets = new Set<unknown>()
  for (const metadata of variants) {
    const { client_id, client_secret } = await register(origin, metadata)
    ids.add(client_id)
    if (client_secret) secrets.add(client_secret)
  }
  t.equal(ids.size, variants.length)
  t.equal(secrets.size, 2)
})

t.test(
  'a person is asked each time by a client that two requests were given, and once by one of its own',
  async (t) => {
    const { origin, createPerson, browser } = await build(t)
    const alice = await createPerson('alice@example.com')

    for (const isShared of [true, false]) {
      const metadata = { ...HOSTED, client_name: `Hosted ${isShared}` }
      const [redirect_uri] = HOSTED.redirect_uris
      const client = await register(origin, metadata)
      if (isShared) t.equal((await register(origin, metadata)).client_id, client.client_id)

      const window = browser()
      const request = () => authorizationRequest(origin, client.client_id, { redirect_uri, scope: 'demo' })
      t.ok((await authorize(window, request(), alice.email)).get('code'))
      const page = await signIn(window, request().url, alice.email)
      t.equal(page.url.includes('/consent/'), isShared)
      if (!isShared) t.ok(new URL(page.url).searchParams.get('code'))
    }
  },
)

t.test('a flood of registrations is bounded, and nobody is locked out by it', async (t) => {
  const limits = { unused: 10, perAddress: 1000 }
  const running = await build(t, { overrides: { registrationLimits: limits } })
  const { origin, createPerson, browser, db, log } = running
  const alice = await createPerson('alice@example.com')
  const { client, refreshToken } = await connect(origin, browser(), alice.email)
  await clients.save(db, {
    id: 'ours',
    metadata: { client_id: 'ours' },
    expiresInSeconds: null,
    madeBy: 'operator',
  })

  for (let n = 0; n < 30; n++) await register(origin, { client_name: `Flood ${n}` })

  t.ok((await count(running)) <= limits.unused + 2)
  t.match(log(), /too many registrations that nobody used/)
  t.equal((await refresh(origin, client.client_id, refreshToken)).status, 200, 'who was there goes on')
  t.ok(await clients.find(db, 'ours'))
  const newcomer = await connect(origin, browser(), alice.email, { metadata: { client_name: 'Newcomer' } })
  t.equal(newcomer.tokens.status, 200, 'who comes now gets in')
})

t.test('one address registers so many clients in a while, and the others still register', async (t) => {
  const { origin } = await build(t, {
    env: { TRUST_PROXY: 'loopback', RATE_REGISTER_PER_ADDRESS: '3/m' },
  })
  const from = async (address: string) => {
    const metadata = { client_name: 'App', redirect_uris: ['https://app.example/cb'] }
    return (await postJson(`${origin}/register`, metadata, { 'x-forwarded-for': address })).status
  }
  for (let n = 0; n < 3; n++) t.equal(await from('192.0.2.1'), 201)
  t.equal(await from('192.0.2.1'), 429)
  t.equal(await from('192.0.2.2'), 201)
})

t.test(
  'a client that expired is told invalid_client with a 401, which makes SDKs register again',
  async (t) => {
    const { origin, createPerson, browser, db } = await build(t)
    const alice = await createPerson('alice@example.com')
    const { client, refreshToken } = await connect(origin, browser(), alice.email)
    const expiry = (await clients.find(db, client.client_id))?.expiresAt
    t.ok(Number(expiry) > Date.now() + 89 * 24 * 3600_000, 'it was used, so it stays for 90 days')
    const used = await refresh(origin, client.client_id, refreshToken)
    t.equal(used.status, 200)

    await db.updateTable('oauth_clients').set({ expires_at: new Date() }).execute()

    const late = await refresh(origin, client.client_id, String(used.body.refresh_token))
    t.equal(late.status, 401)
    t.match(late.body, { error: 'invalid_client' })
    t.equal((await connect(origin, browser(), alice.email)).tokens.status, 200, 'registered again')
  },
)

t.test('a client that nobody used goes after a day', async (t) => {
  const { origin, db } = await build(t)
  const { client_id } = await register(origin)
  const expiry = Number((await clients.find(db, client_id))?.expiresAt)
  t.ok(Math.abs(expiry - Date.now() - 24 * 3600_000) < 60_000)
})

t.test(
  'CLIENT_UNUSED_TTL says how long a used client stays, and a token request starts it anew',
  async (t) => {
    const { origin, createPerson, browser, db, app } = await build(t, { env: { CLIENT_UNUSED_TTL: '2h' } })
    const alice = await createPerson('alice@example.com')
    const { client, refreshToken } = await connect(origin, browser(), alice.email)
    const soon = new Date(Date.now() + 60_000)
    await db
      .updateTable('oauth_clients')
      .set({ expires_at: soon, last_used_at: new Date(0) })
      .execute()

    await refresh(origin, client.client_id, refreshToken)
    await app.close()

    const found = await clients.find(db, client.client_id)
    t.ok(Number(found?.expiresAt) > Date.now() + 3600_000)
    t.ok(Number(found?.lastUsedAt) > Date.now() - 60_000)
  },
)
