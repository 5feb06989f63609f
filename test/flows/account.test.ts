// Owns the page about oneself: what it shows, and that each of its buttons does what it says and nothing for strangers.

import t from 'tap'
import type { Browser, Page } from '../support/browser.ts'
import { DATABASE_KINDS } from '../support/database.ts'
import { approve, askForCode, poll, registerDevice } from '../support/device.ts'
import { build, PASSWORD } from '../support/gatehouse.ts'
import { authorizationRequest, register } from '../support/oauth.ts'
import { callbackOf, connect, refresh } from '../support/sign-in.ts'

const ALICE = 'alice@example.com'
const BOB = 'bob@example.com'
const NEW_PASSWORD = 'the heron waits in the reeds'

const DISCONNECT = 'form[action="/account/apps/disconnect"]'
const END = 'form[action="/account/sessions/end"]'
const END_ALL = 'form[action="/account/sessions/end-all"]'
const CHANGE = 'form[action="/account/password"]'

async function openAccount(
  origin: string,
  browser: Browser,
  email = ALICE,
  password = PASSWORD,
): Promise<Page> {
  const page = await browser.open(`${origin}/account`)
  return page.url.includes('/login/') ? browser.submit(page, { email, password }) : page
}

function textOf(page: Page, heading: string): string {
  return page.document.querySelector(`section[aria-labelledby="${heading}"]`)?.text.replace(/\s+/g, ' ') ?? ''
}

for (const kind of DATABASE_KINDS) {
  t.test(
    `signing in leads to the page, which shows the person, their apps and browsers (${kind})`,
    async (t) => {
      const { origin, createPerson, browser } = await build(t, { kind })
      await createPerson(ALICE)
      await createPerson(BOB)
      const desk = browser()
      await connect(origin, desk, ALICE, {
        metadata: { client_name: 'Notebook' },
        parameters: { scope: 'demo' },
      })
      await connect(origin, browser(), BOB, { metadata: { client_name: 'Bob only' } })
      const device = await registerDevice(origin)
      const asked = await askForCode(origin, device)
      await approve(origin, desk, asked.userCode, ALICE)

      const phone = browser()
      const page = await openAccount(origin, phone)

      t.equal(page.url, `${origin}/account`)
      t.match(page.body, ALICE)
      const apps = textOf(page, 'apps')
      t.match(apps, /Notebook unverified name Demo: everything, including changes/)
      t.match(apps, 'Access goes to 127.0.0.1')
      t.match(apps, /Television unverified name Demo: read/)
      t.match(apps, 'Access goes to a device')
      t.match(apps, 'last used just now')
      t.notMatch(apps, 'Bob only')
      t.notMatch(apps, 'Gatehouse', 'our own pages are no app')
      t.equal(page.document.querySelectorAll('section[aria-labelledby="browsers"] li').length, 2)
      t.match(textOf(page, 'browsers'), 'this browser')
      t.equal(page.document.querySelectorAll(END).length, 1, 'only the other one has a button')
      t.match(page.headers.get('cache-control'), 'no-store')
    },
  )
}

t.test('disconnecting revokes what the app has and asks again next time', async (t) => {
  const { origin, createPerson, browser, db, log } = await build(t)
  await createPerson(ALICE)
  const desk = browser()
  const kept = await connect(origin, desk, ALICE, { metadata: { client_name: 'Kept' } })
  const gone = await connect(origin, desk, ALICE, { metadata: { client_name: 'Gone' } })
  const call = (accessToken: string) =>
    fetch(`${origin}/mcp`, {
      method: 'POST',
      headers: { authorization: `Bearer ${accessToken}`, 'content-type': 'application/json' },
      body: '{"jsonrpc":"2.0","id":1,"method":"ping"}',
    })
  t.not((await call(gone.accessToken)).status, 401)

  const page = await openAccount(origin, desk)
  const form = page.document
    .querySelectorAll(DISCONNECT)
    .find((each) => each.innerHTML.includes(gone.client.client_id))
  t.ok(form)
  const after = await desk.submit(page, { client_id: gone.client.client_id }, undefined, DISCONNECT)

  t.match(after.document.querySelector('[role=status]')?.text, 'The app is disconnected.')
  t.notMatch(textOf(after, 'apps'), 'Gone')
  t.match(textOf(after, 'apps'), 'Kept')
  t.match(await refresh(origin, gone.client.client_id, gone.refreshToken), {
    body: { error: 'invalid_grant' },
  })
  t.equal((await call(gone.accessToken)).status, 401, 'its access token is refused at the gateway')
  t.not((await call(kept.accessToken)).status, 401)
  t.equal((await refresh(origin, kept.client.client_id, kept.refreshToken)).status, 200)
  t.match((await desk.open(authorizationRequest(origin, gone.client.client_id).url)).url, '/consent/')
  t.ok(callbackOf(await desk.open(authorizationRequest(origin, kept.client.client_id).url)).get('code'))
  t.match(log(), 'app.disconnected')
  const left = await db
    .selectFrom('artifacts')
    .selectAll()
    .where('client_id', '=', gone.client.client_id)
    .execute()
  t.same(
    left.map(({ model }) => model),
    [],
  )
})

t.test('nobody disconnects the apps or ends the sessions of somebody else', async (t) => {
  const { origin, createPerson, browser, db } = await build(t)
  const alice = await createPerson(ALICE)
  await createPerson(BOB)
  const desk = browser()
  const { client, refreshToken } = await connect(origin, desk, ALICE)
  const other = browser()
  await connect(origin, other, BOB, { client })
  const page = await openAccount(origin, other, BOB)
  const { uid } = await db
    .selectFrom('artifacts')
    .select('uid')
    .where('model', '=', 'Session')
    .where('account_id', '=', alice.id)
    .executeTakeFirstOrThrow()

  const _csrf = page.document.querySelector('input[name=_csrf]')?.getAttribute('value') ?? ''
  const own = { origin }
  await other.post(`${origin}/account/sessions/end`, { _csrf, session: uid ?? '' }, own)
  await other.post(`${origin}/account/apps/disconnect`, { _csrf, client_id: client.client_id }, own)

  t.match((await desk.open(`${origin}/account`)).url, '/account', 'alice is still signed in')
  t.equal((await refresh(origin, client.client_id, refreshToken)).status, 200)
  t.notMatch(textOf(await openAccount(origin, other, BOB), 'apps'), 'Test client', 'bob is rid of his own')
})

t.test('another browser is signed out from here', async (t) => {
  const { origin, createPerson, browser } = await build(t)
  await createPerson(ALICE)
  const [desk, phone] = [browser(), browser()]
  await openAccount(origin, phone)
  const page = await openAccount(origin, desk)

  const after = await desk.submit(page, {}, undefined, END)

  t.match(after.document.querySelector('[role=status]')?.text, 'The browser is signed out.')
  t.equal(after.document.querySelectorAll('section[aria-labelledby="browsers"] li').length, 1)
  t.match((await phone.open(`${origin}/account`)).url, '/login/')
  t.match((await desk.open(`${origin}/account`)).url, '/account')
})

t.test('signing out everywhere ends all sessions, and all grants only when asked to', async (t) => {
  const { origin, createPerson, browser } = await build(t)
  await createPerson(ALICE)
  const [desk, phone] = [browser(), browser()]
  const { client, refreshToken } = await connect(origin, phone, ALICE)
  const once = await desk.submit(await openAccount(origin, desk), {}, 'keep', END_ALL)

  t.match(once.document.querySelector('h1')?.text, 'You are signed out everywhere')
  for (const each of [desk, phone]) t.match((await each.open(`${origin}/account`)).url, '/login/')
  const { body, status } = await refresh(origin, client.client_id, refreshToken)
  t.equal(status, 200, 'the app still has access')

  await desk.submit(await openAccount(origin, desk), {}, 'disconnect', END_ALL)
  t.match(await refresh(origin, client.client_id, String(body.refresh_token)), {
    body: { error: 'invalid_grant' },
  })
  t.match((await openAccount(origin, desk)).url, '/account', 'signing in again works at once')
})

t.test('changing the password needs the old one, and leaves only this browser signed in', async (t) => {
  const { origin, createPerson, browser, log } = await build(t)
  await createPerson(ALICE)
  const [desk, phone] = [browser(), browser()]
  const { client, refreshToken } = await connect(origin, phone, ALICE)
  const page = await openAccount(origin, desk)
  const change = (fields: Record<string, string | string[]>) =>
    desk.submit(
      page,
      { new_password: NEW_PASSWORD, new_password_again: NEW_PASSWORD, ...fields },
      undefined,
      CHANGE,
    )
  const cookie = async () => (await desk.jar.getCookies(origin)).find(({ key }) => key === 'session')?.value
  const before = await cookie()

  for (const [fields, problem] of [
    [{ password: 'not it at all' }, 'This is not your password.'],
    [{ password: PASSWORD, new_password_again: 'something else' }, 'not the same'],
    [{ password: PASSWORD, new_password: 'short', new_password_again: 'short' }, 'at least 8'],
    [{ password: '' }, 'Enter the password you have now'],
  ] as const) {
    const refused = await change(fields)
    t.equal(refused.status, 422)
    t.match(refused.document.querySelector('[role=alert]')?.text, problem)
    t.notMatch(refused.body, NEW_PASSWORD, 'nothing typed comes back')
  }
  t.match((await phone.open(`${origin}/account`)).url, '/account', 'nothing has changed so far')

  const changed = await change({ password: PASSWORD, apps: [] })
  t.match(changed.document.querySelector('[role=status]')?.text, 'Your password is changed')
  t.match((await desk.open(`${origin}/account`)).url, '/account', 'this browser stays')
  t.not(await cookie(), before, 'under another identifier')
  t.match((await phone.open(`${origin}/account`)).url, '/login/')
  const kept = await refresh(origin, client.client_id, refreshToken)
  t.equal(kept.status, 200, 'unticked: apps keep their access')

  t.match((await openAccount(origin, browser(), ALICE, PASSWORD)).status, 422, 'the old password is no more')
  const fresh = browser()
  const again = await openAccount(origin, fresh, ALICE, NEW_PASSWORD)
  t.match(again.url, '/account')
  const back = { password: NEW_PASSWORD, new_password: PASSWORD, new_password_again: PASSWORD }
  await fresh.submit(again, back, undefined, CHANGE)
  t.match(
    await refresh(origin, client.client_id, String(kept.body.refresh_token)),
    { body: { error: 'invalid_grant' } },
    'as the form comes, apps are disconnected too',
  )
  t.match(log(), 'password.changed')
  t.notMatch(log(), NEW_PASSWORD)
})

t.test('guessing the old password is throttled as at signing in', async (t) => {
  const { origin, createPerson, browser } = await build(t)
  await createPerson(ALICE)
  const desk = browser()
  const page = await openAccount(origin, desk)
  const guess = (password: string) =>
    desk.submit(
      page,
      { password, new_password: NEW_PASSWORD, new_password_again: NEW_PASSWORD },
      undefined,
      CHANGE,
    )

  const statuses: number[] = []
  for (let count = 0; count < 6; count++) statuses.push((await guess(`guess ${count}`)).status)
  t.same([...new Set(statuses.slice(0, 5))], [422])
  t.equal(statuses.at(5), 429)
  const right = await guess(PASSWORD)
  t.equal(right.status, 429, 'the right one has to wait as well')
  t.ok(Number(right.headers.get('retry-after')) > 0)
})

t.test('a page of another site presses none of the buttons', async (t) => {
  const { origin, createPerson, browser } = await build(t)
  await createPerson(ALICE)
  const desk = browser()
  const { client, refreshToken } = await connect(origin, desk, ALICE)
  const page = await openAccount(origin, desk)
  const _csrf = page.document.querySelector('input[name=_csrf]')?.getAttribute('value') ?? ''
  const posts: [string, Record<string, string>][] = [
    ['/account/apps/disconnect', { client_id: client.client_id }],
    ['/account/sessions/end', { session: 'x' }],
    ['/account/sessions/end-all', { apps: 'disconnect' }],
    [
      '/account/password',
      { password: PASSWORD, new_password: NEW_PASSWORD, new_password_again: NEW_PASSWORD },
    ],
    ['/logout/confirm', {}],
  ]
  for (const [path, fields] of posts) {
    t.equal((await desk.post(origin + path, fields)).status, 403, path)
    t.equal((await desk.post(origin + path, { ...fields, _csrf })).status, 403, `${path}, with a token`)
    t.equal((await desk.post(origin + path, fields, { origin })).status, 403, `${path}, without one`)
  }
  t.match((await desk.open(`${origin}/account`)).url, '/account')
  const kept = await refresh(origin, client.client_id, refreshToken)
  t.equal(kept.status, 200)

  await desk.post(`${origin}/account/sessions/end-all`, { apps: 'disconnect', _csrf }, { origin })
  t.match((await desk.open(`${origin}/account`)).url, '/login/', 'our own page does')
})

t.test('without signing in there is nothing to see or to press', async (t) => {
  const { origin, createPerson, browser } = await build(t)
  await createPerson(ALICE)
  const stranger = browser()
  t.match((await stranger.open(`${origin}/account`)).url, '/login/')
  const login = await stranger.open(`${origin}/login`)
  const _csrf = login.document.querySelector('input[name=_csrf]')?.getAttribute('value') ?? ''
  t.match((await stranger.post(`${origin}/account/sessions/end-all`, { _csrf }, { origin })).url, '/login/')
})

t.test('signing in leads to a page of ours and nowhere else', async (t) => {
  const { origin, createPerson, browser } = await build(t)
  await createPerson(ALICE)
  for (const state of [
    '//evil.example',
    'https://evil.example/',
    '/\\evil.example',
    '/authorize',
    '/account/../..',
  ]) {
    const page = await browser().open(`${origin}/login/done?${new URLSearchParams({ state })}`)
    t.equal(page.url, `${origin}/`, state)
  }
  const desk = browser()
  await openAccount(origin, desk)
  t.equal((await desk.open(`${origin}/login/done?state=%2Faccount`)).url, `${origin}/account`)
})

t.test('a device that was connected can be disconnected', async (t) => {
  const { origin, createPerson, browser } = await build(t)
  await createPerson(ALICE)
  const desk = browser()
  const device = await registerDevice(origin)
  const asked = await askForCode(origin, device)
  await approve(origin, desk, asked.userCode, ALICE)
  const { body } = await poll(origin, device, asked)

  const page = await openAccount(origin, desk)
  t.match(textOf(page, 'apps'), 'Television')
  await desk.submit(page, { client_id: device.client_id }, undefined, DISCONNECT)

  t.match(await refresh(origin, device.client_id, String(body.refresh_token)), {
    body: { error: 'invalid_grant' },
  })
  await register(origin)
})
