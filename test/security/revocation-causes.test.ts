// Owns the proof that whatever ends access reaches access tokens too, which nothing stores: on both databases, in one process.

import t, { type Test } from 'tap'
import * as artifactUses from '../../src/storage/artifact-uses.ts'
import * as clients from '../../src/storage/clients.ts'
import { hashToken } from '../../src/storage/hash.ts'
import * as revocations from '../../src/storage/revocations.ts'
import * as users from '../../src/storage/users.ts'
import { send, until } from '../gateway/stage.ts'
import { DATABASE_KINDS, type DatabaseKind } from '../support/database.ts'
import { build } from '../support/gatehouse.ts'
import { authorizationRequest, claimsOf, postForm, register } from '../support/oauth.ts'
import { createOperatorClient } from '../support/operator-clients.ts'
import { authorize, connect, redeem, refresh } from '../support/sign-in.ts'

const ALICE = 'alice@example.com'
const BOB = 'bob@example.com'

async function scene(t: Test, kind: DatabaseKind) {
  const running = await build(t, { kind })
  const { origin, createPerson, browser } = running
  const [alice] = [await createPerson(ALICE), await createPerson(BOB)]
  const mine = await connect(origin, browser(), ALICE)
  const bobs = await connect(origin, browser(), BOB)
  const status = async (token: string) =>
    (await send({ origin }, { path: '/mcp', token, body: { jsonrpc: '2.0', id: 1, method: 'ping' } })).status
  t.notSame(await status(mine.accessToken), 401)
  /** Resolves as soon as it is refused. How soon that is: revocation-propagation.test.ts. */
  const refused = async (token: string) => {
    let last = 0
    const asking = setInterval(async () => {
      last = await status(token)
    }, 10)
    await until(() => last === 401).finally(() => clearInterval(asking))
  }
  return { ...running, alice, mine, bobs, status, refused }
}

for (const kind of DATABASE_KINDS) {
  t.test(`a disabled person is refused, and enabled again only with new tokens (${kind})`, async (t) => {
    const { db, alice, mine, bobs, status, refused, origin, browser } = await scene(t, kind)

    await users.disable(db, alice.id)

    await refused(mine.accessToken)
    t.not(await status(bobs.accessToken), 401, 'nobody else')
    t.match(await refresh(origin, mine.client.client_id, mine.refreshToken), { status: 400 })

    await users.enable(db, alice.id)
    await nextSecond()
    const again = await connect(origin, browser(), ALICE, { client: mine.client })

    t.not(await status(again.accessToken), 401, 'a new token works')
    t.equal(await status(mine.accessToken), 401, 'an old one never again')
    t.match(await refresh(origin, mine.client.client_id, mine.refreshToken), { status: 400 })
  })

  t.test(`what a removed client was given is refused, until it is there again (${kind})`, async (t) => {
    const { db, mine, bobs, status, refused, origin, browser } = await scene(t, kind)
    const { client_id: id } = mine.client
    const before = await clients.find(db, id)

    await clients.remove(db, id)

    await refused(mine.accessToken)
    t.not(await status(bobs.accessToken), 401, "nobody else's")
    t.match(await refresh(origin, id, mine.refreshToken), { status: 401, body: { error: 'invalid_client' } })

    await clients.save(db, { id, metadata: before?.metadata ?? {}, expiresInSeconds: null })
    await nextSecond()
    const again = await connect(origin, browser(), ALICE, { client: mine.client })
    t.not(await status(again.accessToken), 401)
    t.equal(await status(mine.accessToken), 401)
  })

  t.test(`a code that is used twice ends the access it gave, at once (${kind})`, async (t) => {
    const { origin, browser, status, mine } = await scene(t, kind)
    const client = await register(origin)
    const request = authorizationRequest(origin, client.client_id)
    const code = (await authorize(browser(), request, ALICE)).get('code') ?? ''
    const redemption = { client, code, verifier: request.verifier }
    const token = String((await redeem(origin, redemption)).body.access_token)
    t.not(await status(token), 401)

    t.match(await redeem(origin, redemption), { status: 400, body: { error: 'invalid_grant' } })

    t.equal(await status(token), 401, 'this process knows without being told')
    t.not(await status(mine.accessToken), 401)
  })

  t.test(
    `a client takes back a token of its own, and the other one that it has stays good (${kind})`,
    async (t) => {
      const running = await build(t, { kind })
      const { origin, db } = running
      const options = {
        grants: ['client_credentials'],
        scope: 'demo',
        method: 'client_secret_basic',
      } as const
      const machine = await createOperatorClient(running, options)
      const headers = { ...machine.basic }
      const resource = `${origin}/mcp/demo`
      const issue = async () => {
        const fields = { grant_type: 'client_credentials', resource }
        return String((await postForm(`${origin}/token`, fields, headers)).body.access_token)
      }
      const [token, other] = [await issue(), await issue()]
      const path = new URL(resource).pathname
      const status = async (sent: string) => (await send({ origin }, { path, token: sent })).status

      t.not(await status(token), 401)
      t.equal((await postForm(`${origin}/revoke`, { token }, headers)).status, 200)

      t.equal(await status(token), 401)
      t.not(await status(other), 401)
      t.match(await db.selectFrom('revocations').select('subject').execute(), [{ subject: /^client:/ }])
    },
  )

  t.test(`everything is revoked at once, and signing in again works (${kind})`, async (t) => {
    const { db, mine, bobs, refused, origin, browser } = await scene(t, kind)
    const held = { model: 'ReplayDetection', idHash: hashToken('jti'), payload: {}, grantId: null }
    const rest = { accountId: null, clientId: null, uid: null, userCode: null, sealedId: null }
    await artifactUses.insertOnce(db, { ...held, ...rest, expiresInSeconds: 600 })

    await revocations.revokeAll(db)

    await Promise.all([refused(mine.accessToken), refused(bobs.accessToken)])
    t.match(await refresh(origin, mine.client.client_id, mine.refreshToken), { status: 400 })
    const left = await db.selectFrom('artifacts').select('model').execute()
    t.same(left, [{ model: 'ReplayDetection' }], 'a used assertion stays used')
    const again = await connect(origin, browser(), ALICE, { client: mine.client })
    const { iat } = claimsOf(again.accessToken)
    const { issued_before } = await db
      .selectFrom('revocations')
      .select('issued_before')
      .where('kind', '=', 'all')
      .executeTakeFirstOrThrow()
    t.ok(
      issued_before && issued_before.getTime() / 1000 - Number(iat) < 6,
      'only seconds later tokens pass again',
    )
  })
}

/** `iat` has whole seconds, and a token of the very second of a revocation is an old one. */
async function nextSecond(): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, 1000 - (Date.now() % 1000) + 5))
}
