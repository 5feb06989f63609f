// Owns the browser session: a new one at every sign-in, limits, and everything that ends it (LG-04, LG-12, RT-09).

import t from 'tap'
import { sessionTtl } from '../../src/authorization-server/lifetimes.ts'
import { isDue, isOver } from '../../src/authorization-server/sessions.ts'
import * as users from '../../src/storage/users.ts'
import type { Browser } from '../support/browser.ts'
import { build, PASSWORD } from '../support/gatehouse.ts'
import { authorizationRequest } from '../support/oauth.ts'
import { callbackOf, connect, refresh } from '../support/sign-in.ts'

const ALICE = 'alice@example.com'
const MINUTE = 60
const DAY = 24 * 60 * MINUTE

async function signInAt(origin: string, browser: Browser, email = ALICE) {
  return browser.submit(await browser.open(`${origin}/login`), { email, password: PASSWORD })
}

async function sessionCookie(origin: string, browser: Browser): Promise<string | undefined> {
  return (await browser.jar.getCookies(origin)).find(({ key }) => key === 'session')?.value
}

async function isSignedIn(origin: string, browser: Browser): Promise<boolean> {
  return (await browser.open(`${origin}/account`)).url.endsWith('/account')
}

t.test('signing in gives the browser a session of its own, whatever it came with', async (t) => {
  const { origin, createPerson, browser, db } = await build(t)
  await createPerson(ALICE)
  const [desk, victim] = [browser(), browser()]
  await signInAt(origin, desk)
  const attackers = await sessionCookie(origin, desk)

  // A browser into which somebody planted their own session, signed as it is.
  for (const cookie of await desk.jar.getCookies(origin))
    await victim.jar.setCookie(cookie.toString(), origin)
  await createPerson('bob@example.com')
  const { url } = authorizationRequest(origin, (await connect(origin, desk, ALICE)).client.client_id, {
    prompt: 'login',
  })
  await victim.submit(await victim.open(url), { email: 'bob@example.com', password: PASSWORD })

  const after = await sessionCookie(origin, victim)
  t.type(after, 'string')
  t.not(after, attackers)
  t.match((await victim.open(`${origin}/account`)).body, 'bob@example.com')
  const sessions = await db.selectFrom('artifacts').selectAll().where('model', '=', 'Session').execute()
  t.equal(new Set(sessions.map(({ id_hash }) => id_hash)).size, sessions.length)
  t.notMatch(
    (await desk.open(`${origin}/account`)).body,
    'bob@example.com',
    'the planted session leads nowhere new',
  )
})

t.test('signing in again changes the identifier, and the old one is dead', async (t) => {
  const { origin, createPerson, browser } = await build(t)
  await createPerson(ALICE)
  const [desk, thief] = [browser(), browser()]
  await signInAt(origin, desk)
  for (const cookie of await desk.jar.getCookies(origin)) await thief.jar.setCookie(cookie.toString(), origin)
  t.ok(await isSignedIn(origin, thief), 'the copy works before')
  const before = await sessionCookie(origin, desk)

  const { client } = await connect(origin, desk, ALICE)
  const { url } = authorizationRequest(origin, client.client_id, { prompt: 'login' })
  await desk.submit(await desk.open(url), { email: ALICE, password: PASSWORD })

  t.not(await sessionCookie(origin, desk), before)
  t.ok(await isSignedIn(origin, desk))
  t.notOk(await isSignedIn(origin, thief), 'and not after')
})

t.test('a session ends when it was idle too long, and at last whatever happens', async (t) => {
  const limits = { sessionIdleSeconds: 7 * DAY, sessionMaxSeconds: 30 * DAY }
  t.equal(sessionTtl({ loginTs: 1000 }, limits, 1000), 7 * DAY)
  t.equal(sessionTtl({ loginTs: 1000 }, limits, 1000 + 20 * DAY), 7 * DAY)
  t.equal(sessionTtl({ loginTs: 1000 }, limits, 1000 + 29 * DAY), DAY, 'no longer than the absolute limit')
  t.equal(sessionTtl({ loginTs: 1000 }, limits, 1000 + 31 * DAY), 1)
  t.equal(sessionTtl({ loginTs: undefined }, limits, 1000), 30 * MINUTE, 'nobody is signed in')

  const env = { SESSION_IDLE_TTL: '1h', SESSION_MAX_TTL: '2h' }
  const { origin, createPerson, browser, db } = await build(t, { env })
  await createPerson(ALICE)
  const desk = browser()
  await signInAt(origin, desk)
  const expiry = async () => {
    const row = await db
      .selectFrom('artifacts')
      .select('expires_at')
      .where('model', '=', 'Session')
      .where('account_id', 'is not', null)
      .executeTakeFirstOrThrow()
    return Math.round(((row.expires_at?.getTime() ?? 0) - Date.now()) / 1000 / MINUTE)
  }
  t.equal(await expiry(), 60)
  const cookie = (await desk.jar.getCookies(origin)).find(({ key }) => key === 'session')
  t.ok((cookie?.TTL() ?? 0) <= 60 * MINUTE * 1000, 'the browser forgets it as well')

  t.ok(await isSignedIn(origin, desk))
  await db
    .updateTable('artifacts')
    .set({ expires_at: new Date(Date.now() - 1) })
    .where('model', '=', 'Session')
    .execute()
  t.notOk(await isSignedIn(origin, desk))
})

t.test('use is noted every ten minutes, until nothing is to be gained', async (t) => {
  const limits = { sessionIdleSeconds: 7 * DAY, sessionMaxSeconds: 30 * DAY }
  const session = { loginTs: 0, exp: 7 * DAY }
  t.equal(isDue(session, limits, 9 * MINUTE), false)
  t.equal(isDue(session, limits, 10 * MINUTE), true)
  t.equal(isDue({ loginTs: 0, exp: 30 * DAY }, limits, 29 * DAY), false, 'the absolute limit does not move')

  const { origin, createPerson, browser } = await build(t)
  await createPerson(ALICE)
  const desk = browser()
  await signInAt(origin, desk)
  const page = await desk.open(`${origin}/account`)
  t.equal(page.status, 200)
  t.notOk(
    page.headers.getSetCookie().some((line) => line.startsWith('session=')),
    'not at every click',
  )
})

t.test('a disabled person is out at the next request, browser and apps', async (t) => {
  const { origin, createPerson, browser, db } = await build(t)
  const alice = await createPerson(ALICE)
  const desk = browser()
  const { client, refreshToken } = await connect(origin, desk, ALICE)
  const request = authorizationRequest(origin, client.client_id)
  t.ok(callbackOf(await desk.open(request.url)).get('code'), 'before, the session is good for a code')

  await users.disable(db, alice.id)

  t.notOk(await isSignedIn(origin, desk))
  t.match((await desk.open(`${origin}/account`)).url, '/login/')
  t.match((await desk.open(request.url)).url, '/login/', 'no code')
  t.match(await refresh(origin, client.client_id, refreshToken), {
    status: 400,
    body: { error: 'invalid_grant' },
  })
})

t.test('ending sign-ins reaches a session that a request under way saves again', async (t) => {
  const { origin, createPerson, browser, db } = await build(t)
  const alice = await createPerson(ALICE)
  const desk = browser()
  await signInAt(origin, desk)
  t.ok(await isSignedIn(origin, desk))
  // The row stays, as if it had been saved a moment after all were deleted.
  await users.endSignIns(db, alice.id, new Date(Date.now() + 60_000))
  t.notOk(await isSignedIn(origin, desk))
  const { client } = await connect(origin, browser(), ALICE).catch(() => ({ client: null }))
  t.equal(client, null, 'nor does it lead to a code')
})

t.test('a session is over by the second', (t) => {
  const at = (seconds: number) => ({ disabledAt: null, signedOutAt: new Date(seconds * 1000 + 700) })
  t.equal(isOver({ loginTs: 99 }, at(100)), true)
  t.equal(isOver({ loginTs: 100 }, at(100)), false, 'who signs in again within the second stays in')
  t.equal(isOver({ loginTs: 100 }, { disabledAt: null, signedOutAt: null }), false)
  t.equal(isOver({ loginTs: 100 }, { disabledAt: new Date(0), signedOutAt: null }), true)
  t.end()
})

t.test('where a browser was seen is sealed in the database', async (t) => {
  const { origin, createPerson, browser, db } = await build(t)
  await createPerson(ALICE)
  await signInAt(origin, browser())
  const rows = await db.selectFrom('artifacts').selectAll().where('model', '=', 'Session').execute()
  t.ok(rows.length > 0)
  t.notMatch(JSON.stringify(rows), /127\.0\.0\.1|userAgent/)
})
