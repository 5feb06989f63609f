// Owns how logins at upstreams stand: what ends one and what does not, and what people, operators and apps are told of it.

import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { createGuardedFetch } from '../../src/http/guarded-fetch.ts'
import { errorOf } from '../gateway/stage.ts'
import { callMe } from '../support/calling-upstream.ts'
import { commandLine } from '../support/command-line.ts'
import { build, newSecretKey } from '../support/gatehouse.ts'
import { STATIC_CLIENT } from '../support/guarded-upstream/manners.ts'
import { type GuardedUpstream, startGuardedUpstream } from '../support/guarded-upstream.ts'
import { connect } from '../support/sign-in.ts'
import { until } from '../support/until.ts'
import { statusOf } from '../support/upstream-commands.ts'
import { asNotion, CONNECT, LOGIN, logIn, logInThere, open } from '../support/upstream-login.ts'

const ALICE = 'alice@example.com'
/** Longer than a server that failed is left alone, and than what is known of a connection is remembered. */
const A_PAUSE_MS = 2200
const SHORT_DEADLINE_MS = 3000

async function setStage(t: Test, upstream: GuardedUpstream, auth: object = {}) {
  const UPSTREAMS = asNotion(upstream.url, { type: 'oauth2', ...auth })
  const secretKey = newSecretKey()
  const overrides = {
    upstreamFetch: createGuardedFetch({ isConfigured: () => true, timeoutMs: SHORT_DEADLINE_MS }),
  }
  const running = await build(t, { env: { UPSTREAMS }, secretKeys: [secretKey], overrides })
  const { database, origin, browser } = running
  if (database.config.kind !== 'postgres') throw new Error('not PostgreSQL')
  const env = { DATABASE_URL: database.config.url, SECRET_KEY: secretKey, PUBLIC_URL: origin, UPSTREAMS }
  await running.createPerson(ALICE)
  const desk = browser()
  const { accessToken } = await connect(origin, desk, ALICE, { parameters: { scope: 'notion' } })
  const shownOn = async (path: string, selector: string) =>
    (await open(origin, desk, path)).document.querySelector(selector)?.text.replace(/\s+/g, ' ').trim() ?? ''
  return {
    ...running,
    desk,
    gatehouse: commandLine(env),
    call: () => callMe(origin, origin, accessToken),
    onAccount: () => shownOn('/account', 'section[aria-labelledby="connections"]'),
    onPage: () => shownOn(CONNECT, 'main'),
  }
}

t.test(
  'a login is shown as it stands: before it, while it is good, in an outage, and after its end',
  async (t) => {
    const upstream = await startGuardedUpstream(t, 'open')
    const stage = await setStage(t, upstream)
    const { gatehouse, call, onAccount, onPage } = stage
    t.match(await onAccount(), /Notion needs login Its tools work once you have logged in there\. Connect$/)
    t.match(await statusOf(gatehouse, '--user', ALICE), [{ state: 'needs_login', why: null, since: null }])

    await upstream.control({ access: '1' })
    await logIn(stage, stage.desk)
    t.match(await onAccount(), /Notion connected Allowed: tools.* not used yet\. Change$/)
    t.match(await onPage(), /Login there connected Made just now, not used yet\. Allowed tools/)
    t.match(await statusOf(gatehouse), [{ state: 'connected', why: null, scopes: ['tools'] }])

    await upstream.control({ fail: '503' })
    await sleep(1200)
    t.equal((await call()).status, 503)
    const why = /127\.0\.0\.1:\d+ does not renew the login at the moment\./
    t.match(
      await onAccount(),
      new RegExp(`Notion error ${why.source} It is tried again with the next call\\.`),
    )
    t.match(await onPage(), new RegExp(`Login there error .*${why.source}`))
    t.match(await statusOf(gatehouse), [{ state: 'error', why }])
    t.match((await gatehouse('upstream', 'status')).out, new RegExp(`error: ${why.source}`))

    await upstream.control({ fail: '0', access: '3600' })
    await until('it is renewed', async () => (await call()).status === 200)
    t.match(await call(), { text: /you are carol/ })
    t.match(await statusOf(gatehouse), [{ state: 'connected', why: null }])

    await upstream.control({ end: 'grants' })
    await sleep(1100)
    t.match((await call()).text, /Open this link, then try again/)
    t.match(
      await onAccount(),
      /Notion expired 127\.0\.0\.1:\d+ ended the login\. Logging in again helps\..*Connect again$/,
    )
    t.match(await statusOf(gatehouse), [{ state: 'expired', why: /ended the login/ }])
    await logIn(stage, stage.desk)
    t.match(await onAccount(), /Notion connected/)
    t.match(await call(), { status: 200 })
  },
)

const OUTAGES: readonly (readonly [string, Readonly<Record<string, string>>])[] = [
  ['answers with 500', { fail: '500' }],
  ['answers with 503', { fail: '503' }],
  ['has enough of us (429)', { fail: '429' }],
  ['answers with a page that is no error of OAuth', { fail: '400' }],
  ['does not answer in time', { fail: '0', delay: '20000' }],
]

t.test('no outage ends a login, and calls are told to come back', async (t) => {
  const upstream = await startGuardedUpstream(t, 'open')
  const stage = await setStage(t, upstream)
  const { call, db, desk } = stage
  await upstream.control({ access: '1' })
  await logIn(stage, desk)
  await sleep(1200)
  for (const [what, wishes] of OUTAGES) {
    await upstream.control(wishes)

    const answer = await call()

    t.equal(answer.status, 503, what)
    t.match(errorOf(answer).message, /cannot be renewed at the moment[\s\S]*try again later/, what)
    t.match(answer.headers, { 'retry-after': /^\d+$/ }, what)
    const row = await db.selectFrom('upstream_connections').select('state').executeTakeFirst()
    t.match(row, { state: 'connected' }, what)
    await sleep(A_PAUSE_MS)
  }
  await upstream.control({ delay: '0', access: '3600' })
  await until('it is renewed', async () => (await call()).status === 200)
  t.match(await call(), { text: /you are carol/ })

  await upstream.control({ end: 'access', fail: '503' })
  await sleep(1100)
  const refused = await call()
  t.equal(refused.status, 503, 'also when it is the upstream that does not accept the token any more')
  await upstream.control({ fail: '0' })
  await until('it is renewed', async () => (await call()).status === 200)
  t.match(await call(), { text: /you are carol/ })
})

t.test(
  'a server that does not know a registration any more ends its logins, and the next makes a new one',
  async (t) => {
    const upstream = await startGuardedUpstream(t, 'open')
    const stage = await setStage(t, upstream)
    const { call, desk, gatehouse } = stage
    await upstream.control({ access: '1' })
    await logIn(stage, desk)
    const { registrations } = await upstream.control({ clients: 'unknown' })
    await sleep(1200)
    t.match((await call()).text, /Open this link, then try again/)
    t.match(await statusOf(gatehouse), [{ state: 'expired', why: /does not let Gatehouse in/ }])

    await upstream.control({ clients: 'known', access: '3600' })
    await logIn(stage, desk)
    t.match(await call(), { status: 200, text: /you are carol/ })
    t.equal((await upstream.control()).registrations, registrations + 1)

    await upstream.control({ clients: 'unknown' })
    const away = await desk.submit(await open(stage.origin, desk, CONNECT), {}, undefined, LOGIN)
    const failed = await desk.open(await logInThere(away.url))
    t.match(failed.body, 'does not let Gatehouse in. Try again.')
    await upstream.control({ clients: 'known' })
    await logIn(stage, desk)
    t.match(await call(), { status: 200, text: /you are carol/ })
    t.equal((await upstream.control()).registrations, registrations + 2)
  },
)

t.test('a client that is configured wrongly ends no login, and an operator is told', async (t) => {
  const upstream = await startGuardedUpstream(t, 'company')
  const redirect_uri = 'http://localhost/connect/-/callback'
  const client = { client_id: STATIC_CLIENT.id, client_secret: STATIC_CLIENT.secret, resource: false }
  const stage = await setStage(t, upstream, { ...client, redirect_uri })
  const { call, desk, gatehouse, origin } = stage
  await upstream.control({ access: '1' })
  const away = await desk.submit(await open(origin, desk, CONNECT), {}, undefined, LOGIN)
  const back = new URL(await logInThere(away.url))
  t.match((await desk.open(`${origin}${back.pathname}${back.search}`)).body, 'Notion is connected')
  await upstream.control({ clients: 'unknown' })
  await sleep(1200)
  t.equal((await call()).status, 502, 'coming back helps nobody')
  t.match(await statusOf(gatehouse), [{ state: 'error', why: /does not let Gatehouse in/ }])

  await upstream.control({ clients: 'known', access: '3600' })
  await until('it is renewed', async () => (await call()).status === 200)
  t.match(await call(), { text: /you are carol/ })
})

t.test('an authorization server that is gone ends no login', async (t) => {
  const upstream = await startGuardedUpstream(t, 'open')
  const stage = await setStage(t, upstream)
  await upstream.control({ access: '1' })
  await logIn(stage, stage.desk)
  t.match(await stage.call(), { status: 200 })
  await upstream.stop()
  await sleep(1200)

  t.equal((await stage.call()).status, 503)

  const row = await stage.db.selectFrom('upstream_connections').select(['state', 'sealed']).executeTakeFirst()
  t.match(row, { state: 'connected', sealed: String })
})
