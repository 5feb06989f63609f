// Owns the rotation of SECRET_KEY: both keys open, what is stored is sealed again, and the old key can go.

import { sql } from 'kysely'
import t from 'tap'
import type { Database } from '../../src/storage/database.ts'
import { createKeyring } from '../../src/storage/sealing.ts'
import type { Teardown } from '../support/database.ts'
import { build, newSecretKey, type Running } from '../support/gatehouse.ts'
import { authorizationRequest, getJson } from '../support/oauth.ts'
import { startReplica } from '../support/replica.ts'
import { callbackOf, connect, refresh } from '../support/sign-in.ts'
import { until } from '../support/until.ts'

const ALICE = 'alice@example.com'
const OLD = newSecretKey()
const NEW = newSecretKey()
const DONE = 'everything stored is sealed with the first key'

/** Every row of every table, as one text. */
async function everythingStored(db: Database): Promise<string> {
  const tables = await db.introspection.getTables()
  const texts = tables.map(({ name }) => sql`select to_jsonb(t) as row from ${sql.table(name)} t`.execute(db))
  return JSON.stringify((await Promise.all(texts)).map(({ rows }) => rows))
}

/** Stops the first and starts again on its port and its database. */
async function restart(t: Teardown, running: Running, secretKeys: readonly string[]) {
  return startReplica(t, running, { secretKeys, port: running.config.port })
}

t.test('after the old key was rotated out, keys, sessions and people’s tokens go on', async (t) => {
  const first = await build(t, { secretKeys: [OLD] })
  const { origin, browser } = first
  await first.createPerson(ALICE)
  const desk = browser()
  const { client, refreshToken } = await connect(origin, desk, ALICE)
  const { keys } = (await getJson(`${origin}/jwks`)).body
  const other = browser()
  const login = await other.open(authorizationRequest(origin, client.client_id).url)
  t.match(login.url, '/login/')
  await first.app.close()
  const old = createKeyring([OLD]).prefix
  t.match(await everythingStored(first.db), `"${old}`)

  const second = await restart(t, first, [NEW, OLD])
  await until('everything is sealed again', () => second.log().includes(DONE))
  t.match(second.log(), /"notNeeded":\[2\]/)
  t.notMatch(second.log(), /open with none of the keys/)
  t.notMatch(
    await everythingStored(first.db),
    `"${old}`,
    'nothing in the whole database is sealed with the old key',
  )
  const meanwhile = await desk.open(authorizationRequest(origin, client.client_id).url)
  t.ok(callbackOf(meanwhile).get('code'), 'signed in, and the cookie is signed anew')
  await second.close()

  await restart(t, first, [NEW])
  const after = await desk.open(authorizationRequest(origin, client.client_id).url)
  t.ok(callbackOf(after).get('code'), 'still signed in')
  t.same((await getJson(`${origin}/jwks`)).body.keys, keys, 'the same signing keys')
  t.equal((await refresh(origin, client.client_id, refreshToken)).status, 200)
})

t.test('without sealing again, the new key alone does not start, and says why', async (t) => {
  const first = await build(t, { secretKeys: [OLD] })
  await first.app.close()

  await t.rejects(restart(t, first, [NEW]), {
    message: 'The signing keys in the database were sealed with another SECRET_KEY. Start with that one.',
  })
  await t.resolves(restart(t, first, [OLD]))
})
