// Owns the proof that a client whose row is not what was registered is unknown, and that the operator learns which one it is.

import { sql } from 'kysely'
import t from 'tap'
import { build } from '../support/gatehouse.ts'
import { authorizationRequest, postForm, register } from '../support/oauth.ts'
import { connect, refresh } from '../support/sign-in.ts'

const ALICE = 'alice@example.com'

/** Each as it may be after an accident with the database. */
const ROWS: Readonly<Record<string, (metadata: Readonly<Record<string, unknown>>) => unknown>> = {
  'a word': () => 'oops',
  'a number': () => 7,
  'a list': () => [1],
  nothing: () => ({}),
  'no redirect URIs': ({ redirect_uris, ...rest }) => rest,
  'redirect URIs that are none': (metadata) => ({ ...metadata, redirect_uris: 7 }),
  'keys that are none': (metadata) => ({ ...metadata, jwks: 'x' }),
  'grants that are none': (metadata) => ({ ...metadata, grant_types: null }),
  'another client': (metadata) => ({ ...metadata, client_id: 'somebody-else' }),
}

t.test('a client that is not stored as it was registered is unknown, and the others are not', async (t) => {
  const { origin, db, log, browser, createPerson } = await build(t)
  await createPerson(ALICE)
  const good = await connect(origin, browser(), ALICE)
  for (const [what, spoil] of Object.entries(ROWS)) {
    const bad = await connect(origin, browser(), ALICE)
    const { client_id: id } = bad.client
    const { metadata } = await db
      .selectFrom('oauth_clients')
      .select('metadata')
      .where('id', '=', id)
      .executeTakeFirstOrThrow()
    const spoiled = sql<string>`${JSON.stringify(spoil(metadata))}::jsonb`
    await db.updateTable('oauth_clients').set({ metadata: spoiled }).where('id', '=', id).execute()

    const page = await fetch(authorizationRequest(origin, id).url, { redirect: 'manual' })
    t.equal(page.status, 400, what)
    t.match(await page.text(), 'does not know this app', what)
    const answer = await refresh(origin, id, bad.refreshToken)
    t.equal(answer.status, 401, what)
    t.match(answer.body, { error: 'invalid_client' }, what)
    const told = log()
      .split('\n')
      .filter((line) => line.includes('a client in the database cannot be read') && line.includes(id))
    t.equal(told.length, 1, `${what} is said once`)
    t.match(told[0], 'gatehouse client delete')
  }
  t.notMatch(log(), 'the authorization server failed')

  const { client, refreshToken } = good
  const { url } = authorizationRequest(origin, client.client_id)
  t.equal((await fetch(url, { redirect: 'manual' })).status, 303)
  t.equal((await refresh(origin, client.client_id, refreshToken)).status, 200)
  const unknown = await postForm(`${origin}/token`, {
    grant_type: 'refresh_token',
    client_id: (await register(origin)).client_id.slice(1),
    refresh_token: 'any',
  })
  t.match(unknown, { status: 401, body: { error: 'invalid_client' } }, 'as for one that nobody knows')
})
