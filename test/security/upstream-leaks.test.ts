// Owns the proof that what an upstream gives Gatehouse is seen by that upstream alone: in no table, no log and no answer.

import { setTimeout as sleep } from 'node:timers/promises'
import { sql } from 'kysely'
import t, { type Test } from 'tap'
import type { Database } from '../../src/storage/database.ts'
import { createBrowser } from '../support/browser.ts'
import { callMe } from '../support/calling-upstream.ts'
import { DATABASE_KINDS, type DatabaseKind } from '../support/database.ts'
import { build } from '../support/gatehouse.ts'
import { STATIC_CLIENT } from '../support/guarded-upstream/manners.ts'
import { startGuardedUpstream } from '../support/guarded-upstream.ts'
import { startRecordingProxy } from '../support/recording-proxy.ts'
import { connect } from '../support/sign-in.ts'
import { CONNECT, LOGIN, logInThere, open } from '../support/upstream-login.ts'

const ALICE = 'alice@example.com'

/** As it is, and as it would look in other writings. */
function writings(secret: string): readonly string[] {
  const bytes = Buffer.from(secret)
  return [
    secret,
    encodeURIComponent(secret),
    bytes.toString('hex'),
    bytes.toString('base64url').slice(0, -2),
    bytes.toString('base64').replace(/=+$/, '').slice(0, -2),
  ]
}

/** Which of the secrets are in it; none of them is printed. */
function leaks(text: string, secrets: readonly string[]): readonly number[] {
  return secrets.flatMap((secret, index) =>
    writings(secret).some((writing) => text.includes(writing)) ? [index] : [],
  )
}

async function dump(db: Database): Promise<string> {
  const { rows } = await sql<{ name: string }>`
    select table_name as name from information_schema.tables
    where table_schema = current_schema() and table_type = 'BASE TABLE'`.execute(db)
  const texts = await Promise.all(
    rows.map(async ({ name }) => {
      const all = await sql<{ text: string }>`
        select row_to_json(each)::text as text from ${sql.table(name)} as each`.execute(db)
      return `${name}\n${all.rows.map(({ text }) => text).join('\n')}`
    }),
  )
  return texts.join('\n')
}

async function setStage(t: Test, manner: 'open' | 'company', kind: DatabaseKind) {
  const upstream = await startGuardedUpstream(t, manner)
  const client = { client_id: STATIC_CLIENT.id, client_secret: STATIC_CLIENT.secret, resource: false }
  const redirect = { redirect_uri: 'http://localhost/connect/-/callback' }
  const auth = { type: 'oauth2', ...(manner === 'company' && { ...client, ...redirect }) }
  const wire = await startRecordingProxy(t)
  const origin = `http://localhost:${wire.port}`
  const UPSTREAMS = JSON.stringify({ notion: { url: upstream.url, title: 'Notion', auth } })
  const { db, log, createPerson, config } = await build(t, { kind, env: { UPSTREAMS, PUBLIC_URL: origin } })
  wire.leadTo(config.port)
  await createPerson(ALICE)
  return { upstream, origin, wire, db, log }
}

for (const kind of DATABASE_KINDS) {
  for (const manner of ['open', 'company'] as const) {
    t.test(`no secret of an upstream is seen anywhere else (${kind}, ${manner})`, async (t) => {
      const { upstream, origin, wire, db, log } = await setStage(t, manner, kind)
      const desk = createBrowser(origin)
      const codes: string[] = []
      const dumps: string[] = []
      const logIn = async (answer = 'yes') => {
        const page = await open(origin, desk, CONNECT)
        const away = await desk.submit(page, {}, undefined, LOGIN)
        dumps.push(await dump(db))
        const back = new URL(await logInThere(away.url, 'carol', answer))
        const code = back.searchParams.get('code')
        if (code !== null) codes.push(code)
        return desk.open(origin + back.pathname + back.search)
      }

      t.equal((await logIn('no')).status, 422, 'refused over there')
      await upstream.control({ fail: '400' })
      t.equal(
        (await logIn()).status,
        422,
        'the code is not redeemed, and the request is repeated in the answer',
      )
      await upstream.control({ fail: '0' })
      t.equal((await logIn()).status, 200)
      const { accessToken } = await connect(origin, desk, ALICE, { parameters: { scope: 'notion' } })
      const call = async () => (await callMe(origin, origin, accessToken)).text
      t.match(await call(), /you are carol/, 'it did reach the upstream')
      await upstream.control({ end: 'access' })
      await sleep(1100)
      await upstream.control({ fail: '503' })
      t.notMatch(await call(), /you are carol/, 'renewing fails, and the request is repeated in the answer')
      await upstream.control({ fail: '0' })
      await sleep(2200)
      t.match(await call(), /you are carol/, 'renewed')
      dumps.push(await dump(db))
      await open(origin, desk, '/account')
      await desk.submit(await open(origin, desk, CONNECT), {}, undefined, `form[action="${CONNECT}/end"]`)
      t.notMatch(await call(), /you are carol/, 'logged out')
      dumps.push(await dump(db))

      const { secrets: given, refreshes, exchanges } = await upstream.control()
      t.match({ refreshes, exchanges }, { refreshes: 1, exchanges: 1 })
      const secrets = [...given, STATIC_CLIENT.secret]
      t.ok(
        given.length >= (manner === 'open' ? 5 : 4),
        'tokens of two grants, and the secret of a registration',
      )
      t.same(leaks(dumps.join('\n'), [...secrets, ...codes]), [], 'in no table')
      t.same(leaks(log(), [...secrets, ...codes]), [], 'in no line of the log')
      t.same(leaks(wire.heard(), secrets), [], 'in no answer')

      t.match(wire.heard(), /you are carol/, 'what is searched is there')
      t.notMatch(wire.heard(), /^content-encoding: (?!identity)/im, 'and can be read')
      t.match(dumps[1], /upstream_logins[\s\S]*state_hash/)
      t.match(dumps.at(-2), /upstream_connections\n\{"owner"/)
      t.match(log(), 'upstream.renewed')
      t.match(log(), /did not accept the login/)
      t.same(leaks(`x${encodeURIComponent(given[0] ?? '')}y`, given), [0], 'and would be found')
    })
  }
}
