// Owns the proof that what an upstream gives Gatehouse is seen by that upstream alone: in no table, no log and no answer.

import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { createBrowser } from '../support/browser.ts'
import { callMe } from '../support/calling-upstream.ts'
import { DATABASE_KINDS, type DatabaseKind } from '../support/database.ts'
import { build } from '../support/gatehouse.ts'
import { STATIC_CLIENT } from '../support/guarded-upstream/manners.ts'
import { startGuardedUpstream } from '../support/guarded-upstream.ts'
import { dump, leaks } from '../support/leaks.ts'
import { startRecordingProxy } from '../support/recording-proxy.ts'
import { connect } from '../support/sign-in.ts'
import { CONNECT, LOGIN, logInThere, open } from '../support/upstream-login.ts'

const ALICE = 'alice@example.com'

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
