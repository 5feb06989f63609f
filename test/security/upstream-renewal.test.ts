// Owns the proof that logins at upstreams stay alive: renewed once by all replicas, whoever is killed or out meanwhile.

import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import t, { type Test } from 'tap'
import { callMe } from '../support/calling-upstream.ts'
import { STATIC_CLIENT } from '../support/guarded-upstream/manners.ts'
import { type GuardedUpstream, startGuardedUpstream } from '../support/guarded-upstream.ts'
import { type Replica, type Service, type ServiceOptions, startService } from '../support/replicas.ts'
import { connect } from '../support/sign-in.ts'
import { until } from '../support/until.ts'
import { logInThere, open } from '../support/upstream-login.ts'

const ALICE = 'alice@example.com'
const SHORT_LEASE = fileURLToPath(new URL('../support/short-lease.ts', import.meta.url))
const GOOD = /you are carol/
const NEEDS_LOGIN = /Notion wants you to log in first/

interface LoggedIn {
  readonly service: Service
  readonly upstream: GuardedUpstream
  call(replica: Replica): Promise<string>
  state(): Promise<string | undefined>
}

/** Alice has logged in as carol, with a first access token that is good for so many seconds. */
async function logInFor(
  t: Test,
  seconds: number,
  manner: 'open' | 'company' = 'open',
  options: ServiceOptions = {},
): Promise<LoggedIn> {
  const upstream = await startGuardedUpstream(t, manner)
  const client = { client_id: STATIC_CLIENT.id, client_secret: STATIC_CLIENT.secret, resource: false }
  const redirect = { redirect_uri: 'http://localhost/connect/-/callback' }
  const auth = { type: 'oauth2', ...(manner === 'company' && { ...client, ...redirect }) }
  const UPSTREAMS = JSON.stringify({ notion: { url: upstream.url, title: 'Notion', auth } })
  const service = await startService(t, { ...options, env: { UPSTREAMS } })
  const { publicUrl, db } = service
  await service.createPerson(ALICE)
  await upstream.control({ access: String(seconds) })
  const desk = service.browser()
  // Before the login: the consent page lists the tools with it, and would renew it.
  const { accessToken } = await connect(publicUrl, desk, ALICE, { parameters: { scope: 'notion' } })
  const page = await open(publicUrl, desk, '/connect/notion')
  const away = await desk.submit(page, {}, undefined, 'form[action="/connect/notion"]')
  const back = new URL(await logInThere(away.url))
  await desk.open(publicUrl + back.pathname + back.search)
  await upstream.control({ access: '3600' })
  return {
    service,
    upstream,
    call: async ({ at }) => (await callMe(at, publicUrl, accessToken)).text,
    async state() {
      const row = await db.selectFrom('upstream_connections').select('state').executeTakeFirst()
      return row?.state
    },
  }
}

for (const manner of ['open', 'company'] as const) {
  t.test(`two replicas share a login that runs out all the time (${manner})`, async (t) => {
    const { service, upstream, call, state } = await logInFor(t, 1, manner)
    const replicas = [service.first, await service.startAnother()]

    await t.test('what is rotated again and again goes on at either replica', async (t) => {
      await upstream.control({ access: '1' })
      for (let round = 1; round <= 4; round++) {
        await sleep(1500)
        const answers = await Promise.all(replicas.flatMap((replica) => [call(replica), call(replica)]))
        t.ok(
          answers.every((answer) => GOOD.test(answer)),
          `${answers}`,
        )
      }
      const { refreshes, refused } = await upstream.control()
      t.ok(refreshes >= 4)
      t.equal(refused, 0, 'nothing was presented that had been rotated away')
      t.equal(await state(), 'connected')
    })

    await t.test('a hundred calls renew what has run out once', async (t) => {
      const { refreshes } = await upstream.control({ access: '3600' })
      await sleep(1500)

      const calls = replicas.flatMap((replica) => Array.from({ length: 50 }, () => call(replica)))
      const answers = await Promise.all(calls)

      t.same(
        answers.filter((answer) => !GOOD.test(answer)),
        [],
      )
      t.match(await upstream.control(), { refreshes: refreshes + 1, refused: 0 })
      t.match(await call(service.first), GOOD)
      t.match(await upstream.control(), { refreshes: refreshes + 1 })
    })
  })
}

t.test('a replica that is killed while it renews costs nobody the login', async (t) => {
  const { service, upstream, call, state } = await logInFor(t, 1, 'open', { launcher: SHORT_LEASE })
  const doomed = await service.startAnother()
  await sleep(1500)
  await upstream.control({ delay: '20000' })
  const unanswered = call(doomed).then(
    () => 'answered',
    () => 'broken off',
  )
  await until('it renews', async () => (await upstream.control()).delayed === 1)
  const waiting = Array.from({ length: 10 }, () => call(service.first))
  doomed.signal('SIGKILL')
  t.match(await doomed.ended, { signal: 'SIGKILL' })
  t.equal(await unanswered, 'broken off')
  t.match(await upstream.control({ delay: '0' }), { refreshes: 0 }, 'it was in the middle of it')

  const answers = await Promise.all(waiting)

  t.ok(
    answers.every((answer) => GOOD.test(answer)),
    `${answers}`,
  )
  t.match(await upstream.control(), { refreshes: 1 })
  t.equal(await state(), 'connected')
})

t.test('while the authorization server is out, a good token is used, and nothing ends', async (t) => {
  const { service, upstream, call, state } = await logInFor(t, 8)
  const began = Date.now()
  await upstream.control({ fail: '503' })
  t.match(await call(service.first), GOOD, 'it is to be renewed already, and good')
  t.match(await call(service.first), GOOD)
  await sleep(began + 8500 - Date.now())

  const unavailable = await call(service.first)

  t.notMatch(unavailable, GOOD)
  t.notMatch(unavailable, NEEDS_LOGIN, 'a login would not help')
  t.equal(await state(), 'connected')
  await upstream.control({ fail: '0' })
  await until('it is renewed', async () => GOOD.test(await call(service.first)))
  t.match(await upstream.control(), { refreshes: 1 })
})

t.test('what its server ended is expired, and the next call asks for the login', async (t) => {
  const { service, upstream, call, state } = await logInFor(t, 3600)
  t.match(await call(service.first), GOOD)
  await upstream.control({ end: 'grants' })

  t.match(await call(service.first), NEEDS_LOGIN)

  t.equal(await state(), 'expired')
  t.match(await call(service.first), NEEDS_LOGIN)
  t.match(await upstream.control(), { refused: 1 }, 'it is not asked again')
  const desk = service.browser()
  const page = await open(service.publicUrl, desk, '/connect/notion')
  t.match(page.body, 'ended the login. Logging in again helps.')
  const away = await desk.submit(page, {}, undefined, 'form[action="/connect/notion"]')
  await sleep(1100)
  await desk.open(await logInThere(away.url))
  t.match(await call(service.first), GOOD)
})

t.test('a rotated token whose answer was lost ends where it must, and is told', async (t) => {
  const { service, upstream, call, state } = await logInFor(t, 1, 'company')
  await sleep(1500)
  await upstream.control({ lose: '1' })
  t.notMatch(await call(service.first), GOOD)
  t.equal(await state(), 'connected', 'it may have been an outage')
  await sleep(2500)

  t.match(await call(service.first), NEEDS_LOGIN)

  t.equal(await state(), 'expired')
})
