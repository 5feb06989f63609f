// Owns the tests of the sign-in page over HTTP.

import type { LightMyRequestResponse } from 'fastify'
import t from 'tap'
import { THROTTLE_RULES, type ThrottleRules } from '../../src/sign-in/throttle-rules.ts'
import { type OpenCounters, openInMemory } from '../../src/sign-in/throttle-store.ts'
import { countingEngine } from './cheap-passwords.ts'
import { buildSignIn, openBrowser, PASSWORD, PENDING, UID } from './sign-in-app.ts'

const LOGIN = `/login/${UID}`
const ALICE = 'alice@example.org'
const NOBODY = 'nobod@example.org'

/** No wait ends during a test that takes its time. */
const PATIENT: ThrottleRules = {
  ...THROTTLE_RULES,
  pair: { ...THROTTLE_RULES.pair, firstWaitSeconds: 120 },
  account: { ...THROTTLE_RULES.account, firstWaitSeconds: 120, maxWaitSeconds: 120 },
}

t.test('the right password signs in and returns to the authorization request', async (t) => {
  const { app, addPerson, signedIn, audited, db } = await buildSignIn(t)
  const alice = await addPerson(ALICE)
  const browser = openBrowser(app)

  const page = await browser.get(LOGIN)
  t.equal(page.statusCode, 200)
  t.match(page.body, 'Claude Code')
  t.match(page.headers['content-security-policy'], /form-action 'self' https:\/\/app\.example(;|$)/)

  const answer = await browser.post(LOGIN, { email: ' Alice@Example.org', password: PASSWORD })
  t.equal(answer.statusCode, 303)
  t.equal(answer.headers.location, `http://localhost:8080/authorize/${UID}`)
  t.equal(answer.headers['cache-control'], 'no-store')
  t.same(signedIn, [alice.id])
  t.same(audited, [{ event: 'succeeded', userId: alice.id, ip: '192.0.2.1' }])
  const row = await db.selectFrom('users').select('last_sign_in_at').executeTakeFirstOrThrow()
  t.type(row.last_sign_in_at, Date)
})

t.test(
  'a browser is led on by a page, to which the form-action of the sign-in page does not apply',
  async (t) => {
    const { app, addPerson } = await buildSignIn(t)
    await addPerson(ALICE)
    const fields = { email: ALICE, password: PASSWORD }
    const answer = await openBrowser(app).post(LOGIN, fields, { 'sec-fetch-mode': 'navigate' })
    t.equal(answer.statusCode, 200)
    t.match(answer.body, `http://localhost:8080/authorize/${UID}`)
    t.equal(answer.cookies.length, 1)
  },
)

t.test('the wrong password shows the form again, with the address and without the password', async (t) => {
  const { app, addPerson, signedIn, audited } = await buildSignIn(t)
  const alice = await addPerson(ALICE)
  const browser = openBrowser(app)

  const answer = await browser.post(LOGIN, { email: ALICE, password: 'not-this-one' })
  t.equal(answer.statusCode, 422)
  t.match(answer.body, 'The email address or the password is not right.')
  t.match(answer.body, `value="${ALICE}"`)
  t.notMatch(answer.body, 'not-this-one')
  t.notMatch(answer.body, /<input id="password"[^>]*value=/)
  t.same(signedIn, [])
  t.same(audited, [{ event: 'failed', userId: alice.id, ip: '192.0.2.1', reason: 'wrong password' }])

  t.equal((await browser.post(LOGIN, { email: ALICE, password: PASSWORD })).statusCode, 303)
})

t.test('nobody outside learns who exists: one answer, the same work', async (t) => {
  const { app, addPerson, engine, audited } = await buildSignIn(t)
  await addPerson(ALICE)
  await addPerson('sleep@example.org', { disabled: true })
  await addPerson('guest@example.org', { password: null })

  const answers = []
  const people = [
    [ALICE, 'wrong password'],
    [NOBODY, 'wrong password'],
    ['sleep@example.org', PASSWORD],
    ['guest@example.org', PASSWORD],
  ] as const
  for (const [email, password] of people) {
    const browser = openBrowser(app, '192.0.2.7')
    await browser.get(LOGIN)
    const { result, verified } = await engine.during(() => browser.post(LOGIN, { email, password }))
    const { date: _date, 'content-security-policy': policy, ...headers } = result.headers
    answers.push({
      status: result.statusCode,
      body: result.body.replaceAll(email, 'EMAIL').replace(/(nonce|value)="[^"]*"/g, '$1'),
      length: result.body.length,
      headers,
      policy: String(policy).replace(/nonce-[^']*/, ''),
      cookies: result.cookies,
      verified,
    })
  }
  const [first, ...others] = answers
  t.equal(first?.status, 422)
  t.equal(first?.verified.length, 1)
  for (const other of others) t.same(other, first)
  t.same(
    audited.map(({ reason }) => reason),
    ['wrong password', 'unknown person', 'disabled', 'no password'],
  )

  const twin = openBrowser(app, '192.0.2.7')
  t.equal((await twin.post(LOGIN, { email: ALICE, password: PASSWORD })).statusCode, 303)
})

t.test('too many attempts wait, whoever they are about', async (t) => {
  const { app, addPerson, engine, audited } = await buildSignIn(t, { rules: PATIENT })
  await addPerson(ALICE)
  const answers = []
  for (const email of [ALICE, NOBODY]) {
    const browser = openBrowser(app)
    for (let n = 0; n < 5; n++) await browser.post(LOGIN, { email, password: 'wrong password' })
    const { result, verified } = await engine.during(() => browser.post(LOGIN, { email, password: PASSWORD }))
    const retryAfter = Number(result.headers['retry-after'])
    t.ok(retryAfter > 60 && retryAfter <= 120, `${retryAfter} seconds`)
    t.match(result.body, /wait 2 minutes/)
    t.match(result.body, `value="${email}"`)
    answers.push([result.statusCode, verified.length, result.body.length])
  }
  t.same(answers[0]?.slice(0, 2), [429, 0])
  t.same(answers[0], answers[1])
  t.equal(audited.filter(({ event }) => event === 'throttled').length, 2)
  const elsewhere = openBrowser(app, '198.51.100.1')
  t.equal((await elsewhere.post(LOGIN, { email: ALICE, password: PASSWORD })).statusCode, 303)
})

t.test('a guesser does not lock a person out of their known browser', async (t) => {
  const { app, addPerson } = await buildSignIn(t, { rules: PATIENT })
  await addPerson(ALICE)
  const known = openBrowser(app, '203.0.113.5')
  t.equal((await known.post(LOGIN, { email: ALICE, password: PASSWORD })).statusCode, 303)
  const cookie = known.cookies.get('known-browser')
  t.type(cookie, 'string')

  const statuses = []
  for (let n = 0; n < 200; n++) {
    const guesser = openBrowser(app, `198.51.100.${n}`)
    statuses.push((await guesser.post(LOGIN, { email: ALICE, password: 'wrong password' })).statusCode)
  }
  t.equal(statuses.indexOf(429), 10)
  t.equal(statuses.filter((status) => status === 422).length, 10)

  const stranger = openBrowser(app, '203.0.113.6')
  t.equal((await stranger.post(LOGIN, { email: ALICE, password: PASSWORD })).statusCode, 429)
  t.equal((await known.post(LOGIN, { email: ALICE, password: PASSWORD })).statusCode, 303)
})

t.test(
  'the known-browser cookie is set at success alone, and over https with the __Host- prefix',
  async (t) => {
    const publicUrl = 'https://gate.example'
    const { app, addPerson } = await buildSignIn(t, { publicUrl })
    await addPerson(ALICE)
    const browser = openBrowser(app, '192.0.2.1', publicUrl)
    t.same((await browser.post(LOGIN, { email: ALICE, password: 'wrong password' })).cookies, [])
    const answer = await browser.post(LOGIN, { email: ALICE, password: PASSWORD })
    t.match(
      answer.headers['set-cookie'],
      /^__Host-known-browser=[\w.~-]+; Max-Age=15552000; Path=\/; HttpOnly; Secure; SameSite=Lax$/,
    )
  },
)

t.test('more sign-ins at once than can be hashed are told to come back, and do not count', async (t) => {
  const engine = countingEngine()
  const released = Promise.withResolvers<void>()
  const verify = async (hash: string, password: string) => {
    await released.promise
    return await engine.verify(hash, password)
  }
  const passwords = { limits: { running: 1, waiting: 1 }, engine: { ...engine, verify } }
  const { app, addPerson } = await buildSignIn(t, { passwords })
  await addPerson(ALICE)
  const browsers = Array.from({ length: 6 }, (_, n) => openBrowser(app, `192.0.2.${n + 1}`))
  for (const browser of browsers) await browser.get(LOGIN)

  const busy: LightMyRequestResponse[] = []
  const answers = await Promise.all(
    browsers.map(async (browser) => {
      const answer = await browser.post(LOGIN, { email: ALICE, password: PASSWORD })
      if (answer.statusCode === 503) busy.push(answer)
      if (busy.length === 4) released.resolve()
      return answer.statusCode
    }),
  )
  t.same(answers.sort(), [303, 303, 503, 503, 503, 503])
  t.equal(busy[0]?.headers['retry-after'], '3')
  t.match(busy[0]?.body, 'Try again in a few seconds')
  for (const browser of browsers) {
    t.equal((await browser.post(LOGIN, { email: ALICE, password: PASSWORD })).statusCode, 303)
  }
})

t.test('a store that is down answers 503 and signs nobody in', async (t) => {
  const down = Object.assign(new Error('refused'), { code: 'ECONNREFUSED' })
  let isDown = true
  const counters: OpenCounters = (prefix, seconds) => {
    const store = openInMemory()(prefix, seconds)
    const { get } = store
    store.get = async (key) => {
      if (isDown) throw down
      return await get.call(store, key)
    }
    return store
  }
  const { app, addPerson, signedIn } = await buildSignIn(t, { counters })
  await addPerson(ALICE)
  const browser = openBrowser(app)
  const answer = await browser.post(LOGIN, { email: ALICE, password: PASSWORD })
  t.equal(answer.statusCode, 503)
  t.type(answer.headers['retry-after'], 'string')
  t.same(signedIn, [])
  isDown = false
  t.equal((await browser.post(LOGIN, { email: ALICE, password: PASSWORD })).statusCode, 303)
})

t.test('what cannot be a sign-in is said before any work', async (t) => {
  const { app, addPerson, engine } = await buildSignIn(t)
  await addPerson(ALICE)
  const browser = openBrowser(app)
  await browser.get(LOGIN)
  const forms: [fields: Record<string, string>, message: RegExp][] = [
    [{}, /Enter your email address/],
    [{ email: ALICE, password: '' }, /Enter your password/],
    [{ email: `${ALICE}\0`, password: PASSWORD }, /cannot be seen/],
    [{ email: 'ali\u200bce@example.org', password: PASSWORD }, /cannot be seen/],
    [{ email: ALICE, password: 'x'.repeat(1025) }, /too long/],
    [{ email: `${'a'.repeat(255)}@example.org`, password: PASSWORD }, /at most 254/],
  ]
  for (const [fields, message] of forms) {
    const { result, verified } = await engine.during(() => browser.post(LOGIN, fields))
    t.equal(result.statusCode, 422)
    t.match(result.body, message)
    t.same(verified, [])
  }
  t.equal((await browser.post(LOGIN, { email: ALICE, password: 'x'.repeat(1024 * 1024) })).statusCode, 413)
  for (const email of [
    "' or 1=1 --",
    'alice@example.org"; drop table users',
    '%',
    '$1',
    'аlice@example.org',
  ]) {
    t.equal((await browser.post(LOGIN, { email, password: PASSWORD })).statusCode, 422, email)
  }
  t.equal((await browser.post(LOGIN, { email: ALICE, password: PASSWORD })).statusCode, 303)
})

t.test('a form from elsewhere signs nobody in', async (t) => {
  const { app, addPerson, engine, signedIn } = await buildSignIn(t)
  await addPerson(ALICE)
  const fields = { email: ALICE, password: PASSWORD }
  const browser = openBrowser(app)
  await browser.get(LOGIN)
  const foreign = [
    await browser.post(LOGIN, fields, { origin: 'https://evil.example', 'sec-fetch-site': 'cross-site' }),
    await browser.post(LOGIN, { ...fields, _csrf: 'made-up' }),
    await openBrowser(app).post('/login/other', { ...fields, _csrf: 'x' }),
  ]
  for (const answer of foreign) t.equal(answer.statusCode, 403)
  const { verified } = await engine.during(() => browser.post(LOGIN, { ...fields, _csrf: '' }))
  t.same(verified, [])
  t.same(signedIn, [])
  t.notOk(browser.cookies.has('known-browser'))
  t.equal((await browser.post(LOGIN, fields)).statusCode, 303)
})

t.test('an interaction that is not there, or further on, is a friendly page', async (t) => {
  const { app } = await buildSignIn(t)
  for (const answer of [
    await openBrowser(app).get('/login/gone'),
    await openBrowser(app).get('/login/..%2f..%2fetc'),
  ]) {
    t.equal(answer.statusCode, 400)
    t.match(answer.body, /has expired/)
  }
  const consenting = await buildSignIn(t, { pending: { prompt: 'consent' } })
  t.equal((await openBrowser(consenting.app).get(LOGIN)).statusCode, 400)
  t.equal((await openBrowser(app).get(LOGIN)).statusCode, 200)
})

t.test(
  "the client's hint is filled in where it is an address, and a person who came alone is not shown a client",
  async (t) => {
    const filledIn = async (loginHint: string) => {
      const { app } = await buildSignIn(t, { pending: { loginHint } })
      const { body } = await openBrowser(app).get(LOGIN)
      return /<input id="email"[^>]*value="([^"]*)"/.exec(body)?.[1] ?? ''
    }
    t.equal(await filledIn('a&b@example.org'), 'a&amp;b@example.org')
    for (const message of [
      '"><svg onload=alert(1)>',
      'Call +1 555 0100 now',
      `${'x'.repeat(300)}@example.org`,
    ])
      t.equal(await filledIn(message), '', 'what is no address might be a message')

    const alone = await buildSignIn(t, { pending: { client: null, loginHint: ALICE } })
    const page = await openBrowser(alone.app).get(LOGIN)
    t.match(page.body, `value="${ALICE}"`)
    t.notMatch(page.body, PENDING.client?.name ?? '')
    t.match(page.headers['content-security-policy'], /form-action 'self'(;|$)/)
  },
)

t.test('signing in without an app is an ordinary authorization request', async (t) => {
  const { app } = await buildSignIn(t)
  const answer = await openBrowser(app).get('/login')
  t.equal(answer.statusCode, 303)
  t.equal(answer.headers.location, '/authorize?client_id=gatehouse')
})

t.test('a hash with old parameters is replaced at the next sign-in', async (t) => {
  const { app, addPerson, db, engine } = await buildSignIn(t)
  const alice = await addPerson(ALICE, { password: null })
  const old = await engine.hash(PASSWORD, { memoryKiB: 32, passes: 2, lanes: 1 })
  await db.updateTable('users').set({ password_hash: old }).where('id', '=', alice.id).execute()
  const browser = openBrowser(app)

  await browser.post(LOGIN, { email: ALICE, password: 'wrong password' })
  const hash = async () =>
    (await db.selectFrom('users').select('password_hash').executeTakeFirstOrThrow()).password_hash
  t.equal(await hash(), old, 'not by a failure')
  t.equal((await browser.post(LOGIN, { email: ALICE, password: PASSWORD })).statusCode, 303)
  t.match(await hash(), /m=64,t=1,p=1/)
  t.equal((await browser.post(LOGIN, { email: ALICE, password: PASSWORD })).statusCode, 303)
})
