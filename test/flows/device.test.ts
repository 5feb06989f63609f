// Owns the device authorization grant on the wire and through its pages (RFC 8628).

import t from 'tap'
import { DATABASE_KINDS } from '../support/database.ts'
import {
  approve,
  askForCode,
  DEVICE_GRANT,
  poll,
  reachConsent,
  registerDevice,
  typeCode,
} from '../support/device.ts'
import { build } from '../support/gatehouse.ts'
import { claimsOf, getJson, postForm, register } from '../support/oauth.ts'
import { refresh } from '../support/sign-in.ts'

const ALICE = 'alice@example.com'
const BOB = 'bob@example.com'

for (const kind of DATABASE_KINDS) {
  t.test(
    `a person types the code, and the device gets a token for that resource alone (${kind})`,
    async (t) => {
      const { origin, createPerson, browser, db } = await build(t, { kind })
      const alice = await createPerson(ALICE)
      const device = await registerDevice(origin)

      const asked = await askForCode(origin, device)
      t.equal(asked.answer.status, 200)
      t.match(asked.answer.body, {
        verification_uri: `${origin}/device`,
        verification_uri_complete: `${origin}/device?user_code=${asked.userCode}`,
        expires_in: 600,
        interval: 5,
      })
      t.match(asked.userCode, /^[BCDFGHJKLMNPQRSTVWXZ]{4}-[BCDFGHJKLMNPQRSTVWXZ]{4}$/)
      t.match(await poll(origin, device, asked), { status: 400, body: { error: 'authorization_pending' } })

      const desk = browser()
      const confirm = await typeCode(origin, desk, asked.userCode)
      const text = confirm.document.querySelector('main')?.text ?? ''
      t.match(text, asked.userCode)
      t.match(text, 'Television')
      t.match(text, 'unverified name')
      t.match(text, '127.0.0.1')
      t.match(text, 'Television/7')
      t.match(text, 'Only continue if you see this code on your own device')
      const login = await desk.submit(confirm, {}, 'continue')
      t.match(login.url, '/login/')
      const consent = await desk.submit(login, { email: ALICE, password: 'a quiet gate at dusk' })
      t.match(consent.url, '/consent/')
      t.match(consent.document.querySelector('main')?.text, `the device that shows ${asked.userCode}`)
      const end = await desk.submit(consent, {}, 'allow')
      t.equal(end.status, 200)
      t.match(end.document.querySelector('h1')?.text, 'Your device is connected')

      const tokens = await poll(origin, device, asked)
      t.equal(tokens.status, 200)
      t.match(tokens.body, { token_type: 'Bearer', scope: 'demo:read' })
      t.match(claimsOf(tokens.body.access_token), {
        aud: `${origin}/mcp`,
        sub: alice.id,
        client_id: device.client_id,
        scope: 'demo:read',
      })
      const again = await refresh(origin, device.client_id, String(tokens.body.refresh_token))
      t.equal(again.status, 200, 'its refresh token works')
      t.same(
        await db.selectFrom('consents').selectAll().execute(),
        [],
        'nothing is remembered for the next device',
      )
      const row = await db
        .selectFrom('artifacts')
        .selectAll()
        .where('model', '=', 'DeviceCode')
        .executeTakeFirst()
      t.notMatch(JSON.stringify(row), asked.deviceCode, 'the device code is stored as a hash')
    },
  )
}

t.test('discovery names the endpoint and the grant', async (t) => {
  const { origin } = await build(t)
  const { body } = await getJson(`${origin}/.well-known/oauth-authorization-server`)
  t.equal(body.device_authorization_endpoint, `${origin}/device/code`)
  t.ok([body.grant_types_supported].flat().includes(DEVICE_GRANT))
})

t.test('a code may be typed in lower case, with spaces or without the dash', async (t) => {
  const { origin, browser } = await build(t)
  const { userCode } = await askForCode(origin, await registerDevice(origin))
  const spellings = [
    userCode.toLowerCase(),
    userCode.replace('-', ''),
    ` ${userCode.replace('-', ' ')} `,
    [...userCode].join(' '),
  ]
  for (const spelling of spellings) {
    const page = await typeCode(origin, browser(), spelling)
    t.match(page.document.querySelector('h1')?.text, 'Does your device show this code?', spelling)
  }
})

t.test('a link with the code fills it in and nothing more', async (t) => {
  const { origin, browser } = await build(t)
  const { userCode } = await askForCode(origin, await registerDevice(origin))
  const desk = browser()
  const page = await desk.open(`${origin}/device?user_code=${userCode}`)
  t.equal(page.document.querySelector('input[name=user_code]')?.getAttribute('value'), userCode)
  t.notMatch(page.body, 'Television', 'nobody learns from a link alone whether a code is right')
  const confirm = await desk.submit(page, {})
  t.match(confirm.body, 'Television')

  const filledIn = async (text: string) => {
    const { document } = await desk.open(`${origin}/device?user_code=${encodeURIComponent(text)}`)
    return document.querySelector('input[name=user_code]')?.getAttribute('value') ?? ''
  }
  t.equal(await filledIn(userCode.toLowerCase().replace('-', ' ')), userCode.toLowerCase().replace('-', ' '))
  for (const message of [
    'Call +1 555 0100 now',
    'CALL-MEUP',
    '<b>bbbbbbbb',
    `${userCode}B`,
    userCode.slice(1),
  ])
    t.equal(await filledIn(message), '', message)
})

t.test('a wrong code is asked for again, and the right one still works', async (t) => {
  const { origin, browser } = await build(t)
  const { userCode } = await askForCode(origin, await registerDevice(origin))
  const desk = browser()
  for (const wrong of ['BBBB-BBBB', '', 'x', "' or 1=1 --", 'B'.repeat(5000), '\u0000']) {
    const page = await typeCode(origin, desk, wrong)
    t.equal(page.status, 422, JSON.stringify(wrong.slice(0, 20)))
    t.match(page.document.querySelector('h1')?.text, 'Connect a device')
  }
  t.equal((await typeCode(origin, desk, userCode)).status, 200)
})

t.test('guessing codes is stopped, for the address and without saying whether a code is right', async (t) => {
  const { origin, browser, log } = await build(t)
  const { userCode } = await askForCode(origin, await registerDevice(origin))
  const desk = browser()
  const page = await desk.open(`${origin}/device`)
  const type = (user_code: string) => desk.submit(page, { user_code })

  for (let guess = 0; guess < 20; guess++) {
    // A right code is no guess, however often it is typed.
    if (guess % 5 === 0) t.equal((await type(userCode)).status, 200)
    t.equal((await type('BBBB-BBBB')).status, 422)
  }
  const stopped = await type('BBBB-BBBB')
  t.equal(stopped.status, 429)
  t.ok(Number(stopped.headers.get('retry-after')) > 0)
  t.equal((await type(userCode)).status, 429, 'the right code is not looked at either')
  t.match(log(), 'device_codes.throttled')
})

t.test('a device that asks too often is told to slow down', async (t) => {
  const { origin, createPerson, browser } = await build(t)
  await createPerson(ALICE)
  const device = await registerDevice(origin)
  const asked = await askForCode(origin, device)
  const other = await askForCode(origin, device)

  t.match(await poll(origin, device, asked), { status: 400, body: { error: 'authorization_pending' } })
  t.match(await poll(origin, device, asked), { status: 400, body: { error: 'slow_down' } })
  t.match(await poll(origin, device, other), { body: { error: 'authorization_pending' } }, 'each for itself')
  await approve(origin, browser(), asked.userCode, ALICE)
  t.match(await poll(origin, device, asked), { status: 200 }, 'what is answered does not have to wait')
})

t.test('a code is good for one token', async (t) => {
  const { origin, createPerson, browser } = await build(t)
  await createPerson(ALICE)
  const device = await registerDevice(origin)
  const asked = await askForCode(origin, device)
  await approve(origin, browser(), asked.userCode, ALICE)

  const race = await Promise.all(Array.from({ length: 5 }, () => poll(origin, device, asked)))
  t.equal(race.filter(({ status }) => status === 200).length, 1, 'one of five at once gets it')
  t.match(await poll(origin, device, asked), { status: 400, body: { error: 'invalid_grant' } })
  const winner = race.find(({ status }) => status === 200)
  t.match(
    await refresh(origin, device.client_id, String(winner?.body.refresh_token)),
    { status: 400, body: { error: 'invalid_grant' } },
    'a replay ends what came of the code',
  )
})

t.test('saying no at the device page or at consent is access_denied at the device', async (t) => {
  const { origin, createPerson, browser } = await build(t)
  await createPerson(ALICE)
  const device = await registerDevice(origin)

  const [first, second] = [await askForCode(origin, device), await askForCode(origin, device)]
  const desk = browser()
  const refused = await desk.submit(await typeCode(origin, desk, first.userCode), {}, 'deny')
  t.match(refused.document.querySelector('h1')?.text, 'Not connected')
  const denied = await desk.submit(await reachConsent(origin, desk, second.userCode, ALICE), {}, 'deny')
  t.match(denied.document.querySelector('h1')?.text, 'Not connected')
  t.equal(denied.status, 200)

  for (const asked of [first, second]) {
    t.match(await poll(origin, device, asked), { status: 400, body: { error: 'access_denied' } })
    t.match(await poll(origin, device, asked), { body: { error: 'access_denied' } }, 'and stays it')
    t.equal((await typeCode(origin, desk, asked.userCode)).status, 422, 'the code cannot be used again')
  }
})

t.test('an expired code is expired_token for the device and said to be too old to the person', async (t) => {
  const { origin, browser, db, createPerson } = await build(t)
  await createPerson(ALICE)
  const device = await registerDevice(origin)
  const [asked, open] = [await askForCode(origin, device), await askForCode(origin, device)]
  const desk = browser()
  const consent = await reachConsent(origin, desk, asked.userCode, ALICE)

  const { payload } = await db
    .selectFrom('artifacts')
    .select('payload')
    .where('user_code', '=', asked.userCode.replace('-', ''))
    .executeTakeFirstOrThrow()
  await db
    .updateTable('artifacts')
    .set({ payload: JSON.stringify({ ...payload, exp: Math.floor(Date.now() / 1000) - 1 }) })
    .where('user_code', '=', asked.userCode.replace('-', ''))
    .execute()

  t.match(await poll(origin, device, asked), { status: 400, body: { error: 'expired_token' } })
  t.match(await poll(origin, device, open), { body: { error: 'authorization_pending' } }, 'the other is not')
  const typed = await typeCode(origin, browser(), asked.userCode)
  t.match(typed.document.querySelector('[role=alert]')?.text, 'too old')
  const late = await desk.submit(consent, {}, 'allow')
  t.match(late.document.querySelector('h1')?.text, 'too old', 'also for who was asked before it expired')
  t.equal(late.status, 400)
  t.match(await poll(origin, device, asked), { body: { error: 'expired_token' } })
})

t.test('a code belongs to the client it was given to', async (t) => {
  const { origin, createPerson, browser } = await build(t)
  await createPerson(ALICE)
  const [device, stranger] = [
    await registerDevice(origin),
    await registerDevice(origin, { client_name: 'Radio' }),
  ]
  const asked = await askForCode(origin, device)
  await approve(origin, browser(), asked.userCode, ALICE)

  t.match(await poll(origin, stranger, asked), { status: 400, body: { error: 'invalid_grant' } })
  t.match(await poll(origin, device, { ...asked, deviceCode: `${asked.deviceCode.slice(0, -1)}!` }), {
    status: 400,
    body: { error: 'invalid_grant' },
  })
  t.match(await poll(origin, device, asked), { status: 200 })
})

t.test('only who answers first connects the device, and each person only theirs', async (t) => {
  const { origin, createPerson, browser } = await build(t)
  const alice = await createPerson(ALICE)
  const bob = await createPerson(BOB)
  const device = await registerDevice(origin)
  const [contested, bobs] = [await askForCode(origin, device), await askForCode(origin, device)]
  const [desk, other] = [browser(), browser()]

  const aliceAsked = await reachConsent(origin, desk, contested.userCode, ALICE)
  const bobAsked = await reachConsent(origin, other, contested.userCode, BOB)
  t.match((await desk.submit(aliceAsked, {}, 'allow')).document.querySelector('h1')?.text, 'connected')
  const second = await other.submit(bobAsked, {}, 'allow')
  t.equal(second.status, 409)
  t.match(second.document.querySelector('h1')?.text, 'used already')
  await approve(origin, other, bobs.userCode, BOB)

  const race = await askForCode(origin, device)
  const pages = [
    await reachConsent(origin, desk, race.userCode, ALICE),
    await reachConsent(origin, other, race.userCode, BOB),
  ] as const
  const ends = await Promise.all([desk.submit(pages[0], {}, 'allow'), other.submit(pages[1], {}, 'allow')])
  t.same(ends.map(({ status }) => status).toSorted(), [200, 409], 'of two at once one connects it')

  t.equal(claimsOf((await poll(origin, device, contested)).body.access_token).sub, alice.id)
  t.equal(claimsOf((await poll(origin, device, bobs)).body.access_token).sub, bob.id)
})

t.test('who is signed in is asked all the same, every time', async (t) => {
  const { origin, createPerson, browser } = await build(t)
  await createPerson(ALICE)
  const device = await registerDevice(origin)
  const desk = browser()
  await approve(origin, desk, (await askForCode(origin, device)).userCode, ALICE)

  const { userCode } = await askForCode(origin, device)
  const page = await desk.submit(await typeCode(origin, desk, userCode), {}, 'continue')
  t.match(page.url, '/consent/')
})

t.test('another account can be chosen on the way', async (t) => {
  const { origin, createPerson, browser } = await build(t)
  await createPerson(ALICE)
  const bob = await createPerson(BOB)
  const device = await registerDevice(origin)
  const asked = await askForCode(origin, device)
  const desk = browser()
  const consent = await reachConsent(origin, desk, asked.userCode, ALICE)

  const login = await desk.open(`${consent.url}/switch`)
  t.match(login.url, '/login/')
  const bobConsent = await desk.submit(login, { email: BOB, password: 'a quiet gate at dusk' })
  t.match((await desk.submit(bobConsent, {}, 'allow')).document.querySelector('h1')?.text, 'connected')
  t.equal(claimsOf((await poll(origin, device, asked)).body.access_token).sub, bob.id)
})

t.test('the person decides the scope of a device too', async (t) => {
  const { origin, createPerson, browser } = await build(t)
  await createPerson(ALICE)
  const device = await registerDevice(origin)
  const asked = await askForCode(origin, device, { scope: 'demo' })
  const desk = browser()
  const consent = await reachConsent(origin, desk, asked.userCode, ALICE)
  await desk.submit(consent, { scope: ['demo:read'] }, 'allow')
  t.match(await poll(origin, device, asked), { status: 200, body: { scope: 'demo:read' } })
})

t.test('a device that names no scope and no resource gets to read', async (t) => {
  const { origin, createPerson, browser } = await build(t)
  await createPerson(ALICE)
  const device = await registerDevice(origin)
  const asked = await askForCode(origin, device, { scope: undefined, resource: undefined })
  await approve(origin, browser(), asked.userCode, ALICE)
  const { body } = await poll(origin, device, asked)
  t.match(claimsOf(body.access_token), { aud: `${origin}/mcp`, scope: 'demo:read' })
})

t.test('a foreign resource, two resources, and a client without the grant are refused', async (t) => {
  const { origin } = await build(t)
  const device = await registerDevice(origin)
  const plain = await register(origin)
  t.match((await askForCode(origin, device, { resource: 'https://bank.example/' })).answer, {
    status: 400,
    body: { error: 'invalid_target' },
  })
  const two = new URLSearchParams([
    ['client_id', device.client_id],
    ['resource', `${origin}/mcp`],
    ['resource', `${origin}/mcp/demo`],
  ])
  const answer = await fetch(`${origin}/device/code`, { method: 'POST', body: two })
  t.match(await answer.json(), { error: 'invalid_target' })
  t.equal((await askForCode(origin, plain)).answer.status, 400)
  t.match(await postForm(`${origin}/device/code`, { client_id: 'nobody' }), {
    body: { error: 'invalid_client' },
  })
  t.equal((await askForCode(origin, device)).answer.status, 200)
})

t.test('a page of another site can neither type a code nor answer one', async (t) => {
  const { origin, createPerson, browser } = await build(t)
  await createPerson(ALICE)
  const device = await registerDevice(origin)
  const asked = await askForCode(origin, device)
  const desk = browser()
  const confirm = await typeCode(origin, desk, asked.userCode)

  const _csrf = confirm.document.querySelector('input[name=_csrf]')?.getAttribute('value') ?? ''
  const fields = { user_code: asked.userCode, decision: 'continue' }
  t.equal((await desk.post(`${origin}/device`, fields)).status, 403)
  t.equal((await desk.post(`${origin}/device`, { ...fields, _csrf })).status, 403, 'not with a token either')
  t.equal((await desk.post(`${origin}/device`, fields, { origin })).status, 403, 'nor ours without one')
  t.match((await desk.post(`${origin}/device`, { ...fields, _csrf }, { origin })).url, '/login/')
})

t.test('the way back into a device flow is bound to the browser that began it', async (t) => {
  const { origin, createPerson, browser } = await build(t)
  await createPerson(ALICE)
  const device = await registerDevice(origin)
  const asked = await askForCode(origin, device)
  const desk = browser()
  const consent = await reachConsent(origin, desk, asked.userCode, ALICE)

  const stranger = await browser().open(consent.url)
  t.equal(stranger.status, 400)
  for (const path of ['/device/unknown', `/device/${'x'.repeat(22)}`]) {
    const page = await browser().open(origin + path)
    t.equal(page.status, 400, path)
    t.match(page.document.querySelector('h1')?.text, 'too old')
  }
  t.match((await desk.submit(consent, {}, 'allow')).document.querySelector('h1')?.text, 'connected')
})

t.test('asking for codes is limited per address', async (t) => {
  const { origin } = await build(t)
  const device = await registerDevice(origin)
  const statuses: number[] = []
  for (let count = 0; count < 61; count++) statuses.push((await askForCode(origin, device)).answer.status)
  t.same([...new Set(statuses.slice(0, 60))], [200])
  t.equal(statuses.at(60), 429)
})
