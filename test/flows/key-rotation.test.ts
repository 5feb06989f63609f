// Owns the rotation of signing keys on the wire: two replicas on one PostgreSQL, no restart, and no token refused too early or accepted too long.

import t from 'tap'
import { rotate } from '../../src/authorization-server/key-rotation.ts'
import { createKeyring } from '../../src/storage/sealing.ts'
import type { Teardown } from '../support/database.ts'
import { build, PASSWORD, type Running } from '../support/gatehouse.ts'
import { authorizationRequest } from '../support/oauth.ts'
import { ask, type Replica, startReplica } from '../support/replica.ts'
import { callbackOf, connect, refresh } from '../support/sign-in.ts'
import { letTimePass } from '../support/signing-keys.ts'
import { until } from '../support/until.ts'

const ALICE = 'alice@example.com'
const POLL = { overrides: { signingKeyPollMs: 20 } }

type Place = Pick<Replica, 'port'>

const headerOf = (token: string) => JSON.parse(Buffer.from(token.split('.')[0] ?? '', 'base64url').toString())

async function start(t: Teardown) {
  const first = await build(t, POLL)
  await first.createPerson(ALICE)
  const one: Place = { port: first.config.port }
  return { first, one, keyring: createKeyring(first.secretKeys) }
}

/** The ids at /jwks of the keys that sign access tokens, in their order. */
async function publishedAt(place: Place, { origin }: Running): Promise<readonly string[]> {
  const { keys }: { keys: { kid: string; alg: string }[] } = JSON.parse(
    (await ask(place, `${origin}/jwks`)).body,
  )
  return keys.filter(({ alg }) => alg === 'ES256').map(({ kid }) => kid)
}

/** The status of a call to the gateway; 200 when the token is accepted. */
async function callAt(place: Place, { origin }: Running, token: string): Promise<number> {
  const { status } = await ask(place, `${origin}/mcp`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${token}`,
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
    },
    body: JSON.stringify({
      jsonrpc: '2.0',
      id: 1,
      method: 'initialize',
      params: { protocolVersion: '2025-06-18', capabilities: {}, clientInfo: { name: 't', version: '1' } },
    }),
  })
  return status
}

/** Client after client, so that each token is fresh whatever was refreshed before. */
async function tokenFrom(place: Place, first: Running): Promise<string> {
  const { client, refreshToken } = await connect(first.origin, first.browser(), ALICE)
  const body = new URLSearchParams({
    grant_type: 'refresh_token',
    client_id: client.client_id,
    refresh_token: refreshToken,
  })
  const headers = { 'content-type': 'application/x-www-form-urlencoded' }
  const answer = await ask(place, `${first.origin}/token`, {
    method: 'POST',
    headers,
    body: body.toString(),
  })
  return JSON.parse(answer.body).access_token
}

t.test(
  'tokens from before, during and after a rotation are accepted everywhere, until it is over',
  async (t) => {
    const { first, one, keyring } = await start(t)
    const two = await startReplica(t, first, POLL)
    const both = [one, two]
    const everywhere = async (...tokens: string[]) =>
      Promise.all(both.flatMap((place) => tokens.map((token) => callAt(place, first, token))))
    const published = (count: number) =>
      until(`${count} keys published`, async () =>
        (await Promise.all(both.map((place) => publishedAt(place, first)))).every(
          (kids) => kids.length === count,
        ),
      )
    const [old = ''] = await publishedAt(one, first)
    const before = await tokenFrom(one, first)
    t.equal(headerOf(before).kid, old)

    await rotate(first.db, keyring)
    await published(2)
    const [signing, next = ''] = await publishedAt(two, first)
    t.equal(signing, old, 'the next key is published and does not sign')
    t.same(await publishedAt(one, first), await publishedAt(two, first))
    const during = await tokenFrom(two, first)
    t.equal(headerOf(during).kid, old)

    await letTimePass(first.db, '1 hour')
    await until('the next key signs', async () => {
      const orders = await Promise.all(both.map((place) => publishedAt(place, first)))
      return orders.every(([kid]) => kid === next)
    })
    const after = [await tokenFrom(one, first), await tokenFrom(two, first)]
    t.same(
      after.map((token) => headerOf(token).kid),
      [next, next],
    )
    t.same(await everywhere(before, during, ...after), Array(8).fill(200), 'all of them are good at both')

    await letTimePass(first.db, '1 day 10 minutes')
    await published(1)
    t.same(await publishedAt(two, first), [next])
    t.same(
      await everywhere(before, during),
      [401, 401, 401, 401],
      'a removed key, though the tokens have not expired',
    )
    t.same(await everywhere(...after), [200, 200, 200, 200], 'the twin: the key that signs')
    t.match(first.log(), /"event":"signing_keys.changed"/)
  },
)

t.test(
  'a key is known everywhere before anybody signs with it, however late a replica notices',
  async (t) => {
    const { first, one, keyring } = await start(t)
    await rotate(first.db, keyring)
    const late = await startReplica(t, first, { overrides: { signingKeyPollMs: 3_600_000 } })
    const [, next] = await publishedAt(late, first)

    await letTimePass(first.db, '1 hour')
    await until('the next key signs at the one', async () => (await publishedAt(one, first))[0] === next)
    const ahead = await tokenFrom(one, first)
    const behind = await tokenFrom(late, first)

    t.equal(headerOf(ahead).kid, next)
    t.not(headerOf(behind).kid, next)
    t.same(await Promise.all([callAt(late, first, ahead), callAt(one, first, behind)]), [200, 200])
  },
)

t.test('what began before the keys changed ends after it', async (t) => {
  const { first, keyring } = await start(t)
  const { origin, browser } = first
  const { client, refreshToken } = await connect(origin, browser(), ALICE)
  const desk = browser()
  const login = await desk.open(authorizationRequest(origin, client.client_id).url)

  await rotate(first.db, keyring)
  await letTimePass(first.db, '1 hour')
  await until(
    'the keys changed',
    async () => (await publishedAt({ port: first.config.port }, first)).length === 2,
  )
  const end = await desk.submit(login, { email: ALICE, password: PASSWORD })

  t.ok(callbackOf(end).get('code'), 'signed in, and the consent is remembered')
  t.equal((await refresh(origin, client.client_id, refreshToken)).status, 200)
  t.equal((await refresh(origin, client.client_id, refreshToken)).status, 200, 'a retry as well')
  t.equal(first.log().split('"event":"token.issued"').length - 1, 3, 'and each is recorded once')
})
