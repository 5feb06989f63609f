// Owns the proof that a connection is good for the place and the person it was made for, and for nothing else.

import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import * as users from '../../src/storage/users.ts'
import { callMe } from '../support/calling-upstream.ts'
import { STATIC_CLIENT } from '../support/guarded-upstream/manners.ts'
import { startGuardedUpstream } from '../support/guarded-upstream.ts'
import { connect } from '../support/sign-in.ts'
import { until } from '../support/until.ts'
import { asNotion, CONNECT, LOGIN, logIn, logInThere, open, startWith } from '../support/upstream-login.ts'

const ALICE = 'alice@example.com'
const SCOPE = { parameters: { scope: 'notion' } }
const OAUTH = { type: 'oauth2' }
const GOOD = /you are carol/
const NEEDS_LOGIN = /Notion wants you to log in first/
/** Longer than what is known of a connection is remembered. */
const A_MOMENT_MS = 1000

t.test('an upstream that is at another place now is not shown the old token', async (t) => {
  const [here, elsewhere] = [await startGuardedUpstream(t, 'open'), await startGuardedUpstream(t, 'open')]
  const env = { UPSTREAMS: asNotion(here.url, OAUTH) }
  const running = await startWith(t, env)
  const { origin, browser } = running
  const desk = browser()
  const { accessToken } = await connect(origin, desk, ALICE, SCOPE)
  const call = async () => (await callMe(origin, origin, accessToken)).text
  await logIn(running, desk)
  t.match(await call(), GOOD)
  const begun = await desk.submit(await open(origin, desk, CONNECT), {}, undefined, LOGIN)
  const back = await logInThere(begun.url)

  env.UPSTREAMS = asNotion(elsewhere.url, OAUTH)
  running.reload()

  t.match(await call(), NEEDS_LOGIN)
  t.same((await elsewhere.control()).presented, [], 'nothing was sent there')
  t.match((await desk.open(back)).body, 'cannot be finished', 'nor is a login kept that was begun before')
  t.match((await open(origin, desk, '/account')).body, /needs login/)
  env.UPSTREAMS = asNotion(here.url, OAUTH)
  running.reload()
  t.match(await call(), GOOD, 'at its own place it is good')
})

t.test('what another client was given is not used', async (t) => {
  const upstream = await startGuardedUpstream(t, 'company')
  const redirect_uri = 'http://localhost/connect/-/callback'
  const known = { client_id: STATIC_CLIENT.id, client_secret: STATIC_CLIENT.secret }
  const auth = { ...OAUTH, ...known, redirect_uri, resource: false }
  const env = { UPSTREAMS: asNotion(upstream.url, auth) }
  const running = await startWith(t, env)
  const { origin, browser } = running
  const desk = browser()
  const { accessToken } = await connect(origin, desk, ALICE, SCOPE)
  const call = async () => (await callMe(origin, origin, accessToken)).text
  const away = await desk.submit(await open(origin, desk, CONNECT), {}, undefined, LOGIN)
  const back = new URL(await logInThere(away.url))
  await desk.open(origin + back.pathname + back.search)
  t.match(await call(), GOOD)
  const { presented } = await upstream.control()

  env.UPSTREAMS = asNotion(upstream.url, { ...auth, client_id: 'another' })
  running.reload()

  t.match(await call(), NEEDS_LOGIN)
  t.same((await upstream.control()).presented, presented)
  env.UPSTREAMS = asNotion(upstream.url, auth)
  running.reload()
  t.match(await call(), GOOD)
})

t.test('an upstream that is not configured any more has no page, and its name leads nowhere', async (t) => {
  const upstream = await startGuardedUpstream(t, 'open')
  const other = { other: { url: upstream.url } }
  const env = { UPSTREAMS: asNotion(upstream.url, OAUTH) }
  const running = await startWith(t, env)
  const { origin, browser } = running
  const desk = browser()
  await logIn(running, desk)
  t.equal((await open(origin, desk, CONNECT)).status, 200)
  const begun = await desk.submit(await open(origin, desk, CONNECT), {}, undefined, LOGIN)
  const back = await logInThere(begun.url)

  env.UPSTREAMS = JSON.stringify(other)
  running.reload()

  t.equal((await open(origin, desk, CONNECT)).status, 404)
  t.match((await desk.open(back)).body, 'cannot be finished')
  t.notMatch((await open(origin, desk, '/account')).body, 'Notion')
})

t.test('who is disabled calls nothing, and has the login again when enabled', async (t) => {
  const upstream = await startGuardedUpstream(t, 'open')
  const running = await startWith(t, { UPSTREAMS: asNotion(upstream.url, OAUTH) })
  const { origin, browser, db } = running
  const desk = browser()
  const { accessToken } = await connect(origin, desk, ALICE, SCOPE)
  await logIn(running, desk)
  t.match((await callMe(origin, origin, accessToken)).text, GOOD)
  const begun = await desk.submit(await open(origin, desk, CONNECT), {}, undefined, LOGIN)
  const back = await logInThere(begun.url)
  const alice = await users.findByEmail(db, ALICE)
  if (!alice) throw new Error('alice is gone')

  await users.disable(db, alice.id)

  await until('the call is refused', async () => (await callMe(origin, origin, accessToken)).status === 401)
  t.match((await desk.open(back)).url, '/login/', 'and finishes no login')
  const { exchanges } = await upstream.control()
  t.equal(exchanges, 1)
  await users.enable(db, alice.id)
  // Tokens say whole seconds, and those of the second in which she was disabled are over.
  await sleep(1100)
  const again = await connect(origin, browser(), ALICE, SCOPE)
  t.match((await callMe(origin, origin, again.accessToken)).text, GOOD)
})

t.test('with a person go their logins', async (t) => {
  const upstream = await startGuardedUpstream(t, 'open')
  const running = await startWith(t, { UPSTREAMS: asNotion(upstream.url, OAUTH) })
  const { origin, browser, db } = running
  const desk = browser()
  const { accessToken } = await connect(origin, desk, ALICE, SCOPE)
  await logIn(running, desk)
  await desk.submit(await open(origin, desk, CONNECT), {}, undefined, LOGIN)
  t.match((await callMe(origin, origin, accessToken)).text, GOOD)
  const left = async () => [
    ...(await db.selectFrom('upstream_connections').select('owner').execute()),
    ...(await db.selectFrom('upstream_logins').select('owner').execute()),
  ]
  t.equal((await left()).length, 2)

  await db.deleteFrom('users').where('email', '=', ALICE).execute()

  t.same(await left(), [])
  await sleep(A_MOMENT_MS)
  const { presented } = await upstream.control()
  t.notMatch((await callMe(origin, origin, accessToken)).text, GOOD)
  t.same((await upstream.control()).presented, presented)
})
