// Owns refresh tokens on the wire: rotation that a retry survives, and reuse that ends the family (RFC 9700 §4.14.2).

import { sql } from 'kysely'
import t from 'tap'
import { hashToken } from '../../src/storage/hash.ts'
import { DATABASE_KINDS } from '../support/database.ts'
import { build } from '../support/gatehouse.ts'
import { claimsOf, postForm, register } from '../support/oauth.ts'
import { passTheGraceWindow, refreshTokens } from '../support/refresh-tokens.ts'
import { connect, refresh } from '../support/sign-in.ts'

const ALICE = 'alice@example.com'

for (const kind of DATABASE_KINDS) {
  t.test(`a refresh rotates the token, and a retry gets the same successor (${kind})`, async (t) => {
    const running = await build(t, { kind })
    const { origin, browser, createPerson } = running
    await createPerson(ALICE)
    const { client, refreshToken } = await connect(origin, browser(), ALICE)

    const first = await refresh(origin, client.client_id, refreshToken)
    const retry = await refresh(origin, client.client_id, refreshToken)
    const next = await refresh(origin, client.client_id, String(first.body.refresh_token))

    t.equal(first.status, 200)
    t.not(first.body.refresh_token, refreshToken)
    t.equal(retry.status, 200)
    t.equal(retry.body.refresh_token, first.body.refresh_token)
    t.equal(next.status, 200, 'the successor works')
    t.equal((await refreshTokens(running)).length, 3, 'one successor for each')
  })
}

t.test(
  'a refresh token used again after the grace window ends the family, and the log says so',
  async (t) => {
    const running = await build(t)
    const { origin, browser, createPerson, db, log } = running
    await createPerson(ALICE)
    const { client, refreshToken } = await connect(origin, browser(), ALICE)
    const { body } = await refresh(origin, client.client_id, refreshToken)
    const second = String(body.refresh_token)
    await passTheGraceWindow(running, refreshToken)

    const reuse = await refresh(origin, client.client_id, refreshToken)

    t.match(reuse, { status: 400, body: { error: 'invalid_grant' } })
    t.match(await refresh(origin, client.client_id, second), {
      status: 400,
      body: { error: 'invalid_grant' },
    })
    t.same(await refreshTokens(running), [])
    t.same(await db.selectFrom('artifacts').select('id_hash').where('model', '=', 'Grant').execute(), [])
    t.match(log(), '"event":"grant.revoked"')
    t.match(log(), 'a refresh token was used again after its grace window')
  },
)

t.test('reuse ends one family; the same app on another device goes on', async (t) => {
  const running = await build(t)
  const { origin, browser, createPerson } = running
  await createPerson(ALICE)
  const laptop = await connect(origin, browser(), ALICE)
  const phone = await connect(origin, browser(), ALICE, { client: laptop.client })
  await refresh(origin, laptop.client.client_id, laptop.refreshToken)
  await passTheGraceWindow(running, laptop.refreshToken)

  t.match(await refresh(origin, laptop.client.client_id, laptop.refreshToken), { status: 400 })
  t.match(await refresh(origin, phone.client.client_id, phone.refreshToken), { status: 200 })
})

t.test("a stranger's client neither refreshes nor revokes", async (t) => {
  const { origin, browser, createPerson } = await build(t)
  await createPerson(ALICE)
  const { client, refreshToken } = await connect(origin, browser(), ALICE)
  const stranger = await connect(origin, browser(), ALICE)

  t.match(await refresh(origin, stranger.client.client_id, refreshToken), {
    status: 400,
    body: { error: 'invalid_grant' },
  })
  t.match(await refresh(origin, client.client_id, refreshToken), { status: 200 })
})

t.test('neither scope nor resource grows by refreshing', async (t) => {
  const { origin, browser, createPerson } = await build(t)
  await createPerson(ALICE)
  const { client, refreshToken } = await connect(origin, browser(), ALICE)
  const { client_id } = client

  t.match(await refresh(origin, client_id, refreshToken, { scope: 'demo:read demo' }), {
    status: 400,
    body: { error: 'invalid_scope' },
  })
  t.match(await refresh(origin, client_id, refreshToken, { resource: `${origin}/mcp/demo` }), {
    status: 400,
    body: { error: 'invalid_target' },
  })
  const same = await refresh(origin, client_id, refreshToken, {
    scope: 'demo:read',
    resource: `${origin}/mcp`,
  })
  t.equal(same.status, 200, 'and none of these spent the token')
  t.match(claimsOf(same.body.access_token), { scope: 'demo:read', aud: `${origin}/mcp` })
})

t.test('a client that registered refresh_token gets one without asking for offline_access', async (t) => {
  const { origin, browser, createPerson } = await build(t)
  await createPerson(ALICE)

  const plain = await connect(origin, browser(), ALICE, { parameters: { scope: 'demo:read' } })
  const asking = await connect(origin, browser(), ALICE, {
    parameters: { scope: 'demo:read offline_access' },
  })
  const without = await connect(origin, browser(), ALICE, {
    metadata: { grant_types: ['authorization_code'] },
  })

  t.type(plain.tokens.body.refresh_token, 'string')
  t.type(asking.tokens.body.refresh_token, 'string')
  t.notOk('refresh_token' in without.tokens.body)
})

t.test('the refresh token outlives the browser session', async (t) => {
  const { origin, browser, createPerson, db } = await build(t)
  await createPerson(ALICE)
  const { client, refreshToken } = await connect(origin, browser(), ALICE)

  await db.deleteFrom('artifacts').where('model', '=', 'Session').execute()

  t.match(await refresh(origin, client.client_id, refreshToken), { status: 200 })
})

t.test('a refresh token ends when it lay unused, and at last whatever happens', async (t) => {
  const { origin, browser, createPerson, db } = await build(t)
  await createPerson(ALICE)
  const days = async (model: string) => {
    const { rows } = await sql<{ days: number }>`select
      round(extract(epoch from max(expires_at) - now()) / 86400)::int as days from artifacts where model = ${model}`.execute(
      db,
    )
    return rows[0]?.days
  }
  const end = (model: string) =>
    sql`update artifacts set expires_at = now() - interval '1 second' where model = ${model}`.execute(db)

  const idle = await connect(origin, browser(), ALICE)
  t.same([await days('RefreshToken'), await days('Grant')], [30, 365])
  await end('RefreshToken')
  const refused = await refresh(origin, idle.client.client_id, idle.refreshToken)
  t.match(refused, { status: 400, body: { error: 'invalid_grant' } })

  const used = await connect(origin, browser(), ALICE)
  await sql`update artifacts set expires_at = expires_at - interval '29 days' where expires_at > now()`.execute(
    db,
  )
  const again = await refresh(origin, used.client.client_id, used.refreshToken)
  t.equal(again.status, 200)
  t.same([await days('RefreshToken'), await days('Grant')], [30, 336], 'use prolongs the one, not the other')
  await end('Grant')
  const late = await refresh(origin, used.client.client_id, String(again.body.refresh_token))
  t.match(late, { status: 400, body: { error: 'invalid_grant' } })
})

t.test('a disabled person refreshes nothing', async (t) => {
  const { origin, browser, createPerson, db } = await build(t)
  const alice = await createPerson(ALICE)
  const { client, refreshToken } = await connect(origin, browser(), ALICE)
  const { body } = await refresh(origin, client.client_id, refreshToken)

  await db.updateTable('users').set({ disabled_at: sql`now()` }).where('id', '=', alice.id).execute()

  t.match(await refresh(origin, client.client_id, String(body.refresh_token)), {
    status: 400,
    body: { error: 'invalid_grant' },
  })
})

t.test('no token, code or secret can be read in the database or the log', async (t) => {
  const running = await build(t)
  const { origin, browser, createPerson, db, log } = running
  await createPerson(ALICE)
  const { client, accessToken, refreshToken } = await connect(origin, browser(), ALICE)
  const { body } = await refresh(origin, client.client_id, refreshToken)

  const stored = JSON.stringify(
    await Promise.all([
      db.selectFrom('artifacts').selectAll().execute(),
      db.selectFrom('oauth_clients').selectAll().execute(),
      db.selectFrom('signing_keys').selectAll().execute(),
    ]),
  )
  for (const secret of [accessToken, refreshToken, String(body.refresh_token), String(body.access_token)]) {
    t.notOk(stored.includes(secret), 'not stored')
    t.notOk(log().includes(secret), 'not logged')
  }
  t.ok(stored.includes(hashToken(refreshToken)), 'its hash is')
})

t.test('a confidential client is asked for its secret, of which only a hash is stored', async (t) => {
  const { origin, db } = await build(t)
  const metadata = {
    redirect_uris: ['https://app.example/cb'],
    token_endpoint_auth_method: 'client_secret_post',
  }
  const { client_id, client_secret = '' } = await register(origin, metadata)
  const attempt = (secret: string) =>
    postForm(`${origin}/token`, {
      grant_type: 'authorization_code',
      client_id,
      client_secret: secret,
      code: 'x',
      redirect_uri: 'https://app.example/cb',
      code_verifier: 'v'.repeat(43),
    })

  t.match(await attempt(`${client_secret}x`), { status: 401, body: { error: 'invalid_client' } })
  t.match(
    await attempt(client_secret),
    { status: 400, body: { error: 'invalid_grant' } },
    'the right one gets as far as the code',
  )
  t.notOk(JSON.stringify(await db.selectFrom('oauth_clients').selectAll().execute()).includes(client_secret))
})
