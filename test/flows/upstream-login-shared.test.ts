// Owns logins at upstreams that everybody shares: an administrator makes and ends them, and everybody's calls use them.

import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client'
import t from 'tap'
import type { Browser } from '../support/browser.ts'
import { callMe } from '../support/calling-upstream.ts'
import { createPerson } from '../support/gatehouse.ts'
import { startGuardedUpstream } from '../support/guarded-upstream.ts'
import { connect } from '../support/sign-in.ts'
import { CONNECT, LOGIN, logIn, logInThere, open, startBefore } from '../support/upstream-login.ts'

const ALICE = 'alice@example.com'
const DORA = 'dora@example.com'
const END = `form[action="${CONNECT}/end"]`
const SCOPE = { parameters: { scope: 'notion' } }

/** As a page of our own would post it, by somebody who has no such form. */
async function postAnyway(origin: string, browser: Browser, path: string) {
  const { document } = await open(origin, browser, '/account')
  const token = document.querySelector('input[name="csrf_token"], input[name="csrf"], input[name="_csrf"]')
  const fields = { [token?.getAttribute('name') ?? '']: token?.getAttribute('value') ?? '' }
  return browser.post(origin + path, fields, { origin, 'sec-fetch-site': 'same-origin' })
}

t.test('an administrator makes and ends it, nobody else can, and everybody uses it', async (t) => {
  const upstream = await startGuardedUpstream(t, 'open')
  const running = await startBefore(t, upstream, { type: 'oauth2', shared: true })
  const { origin, browser, db } = running
  await createPerson(db, DORA, 'admin')
  const [alice, dora] = [browser(), browser()]
  const tokenOf = async (desk: Browser, email: string) =>
    (await connect(origin, desk, email, SCOPE)).accessToken
  const [hers, doras] = [await tokenOf(alice, ALICE), await tokenOf(dora, DORA)]
  const call = async (token: string) => (await callMe(origin, origin, token)).text

  t.match(await call(hers), /An administrator has to log in there first/)
  t.notMatch(await call(hers), /https?:/, 'no link that leads nowhere')
  t.match(await call(doras), `Open this link, then try again: ${origin}${CONNECT}?for=`)

  const page = await open(origin, alice, CONNECT)
  t.match(page.body, 'Ask an administrator to log in there')
  t.equal(page.document.querySelector(LOGIN), null)
  const refused = await postAnyway(origin, alice, CONNECT)
  t.equal(refused.status, 422)
  t.match(refused.body, 'An administrator makes and ends it')
  t.match(await upstream.control(), { registrations: 0 }, 'nothing was begun')

  const done = await logIn(running, dora, DORA)
  t.match(done.body, 'Notion is connected')
  for (const token of [hers, doras]) t.match(await call(token), /you are carol/)
  t.match(await upstream.control(), { exchanges: 1 })

  const after = await postAnyway(origin, alice, `${CONNECT}/end`)
  t.equal(after.status, 422)
  t.match(after.body, 'Everybody shares this login. An administrator makes and ends it.')
  t.equal(after.document.querySelector(END), null)
  t.match(after.body, /Made <time/)
  t.match(await call(hers), /you are carol/, 'it did not end')

  await dora.submit(await open(origin, dora, CONNECT), {}, undefined, END)
  t.match(await call(hers), /An administrator has to log in there first/)
  t.match(await call(doras), /Open this link/)
})

t.test('a client that opens links is not sent to one that is not for its person', async (t) => {
  const upstream = await startGuardedUpstream(t, 'open')
  const running = await startBefore(t, upstream, { type: 'oauth2', shared: true })
  const { origin, browser, db } = running
  await createPerson(db, DORA, 'admin')
  const texts: string[] = []
  for (const email of [ALICE, DORA]) {
    const { accessToken } = await connect(origin, browser(), email, SCOPE)
    const opened: string[] = []
    const client = new Client(
      { name: 'Tester', version: '1.0.0' },
      {
        capabilities: { elicitation: { form: {}, url: {} } },
        versionNegotiation: { mode: { pin: '2026-07-28' } },
      },
    )
    client.setRequestHandler('elicitation/create', async ({ params }) => {
      if (params.mode === 'url') opened.push(params.url)
      return { action: 'decline' }
    })
    const requestInit = { headers: { authorization: `Bearer ${accessToken}` } }
    await client.connect(new StreamableHTTPClientTransport(new URL(`${origin}/mcp`), { requestInit }))
    t.teardown(() => client.close())
    texts.push(JSON.stringify(await client.callTool({ name: 'connect_notion', arguments: {} })))
    t.equal(opened.length, email === DORA ? 1 : 0, email)
  }
  t.match(texts[0], 'An administrator has to log in there first')
  t.match(texts[1], 'Nothing was done')
})

t.test('who is no administrator any more finishes nothing for everybody', async (t) => {
  const upstream = await startGuardedUpstream(t, 'open')
  const running = await startBefore(t, upstream, { type: 'oauth2', shared: true })
  const { origin, browser, db } = running
  const { id } = await createPerson(db, DORA, 'admin')
  const dora = browser()
  const begin = async () =>
    dora
      .submit(await open(origin, dora, CONNECT, DORA), {}, undefined, LOGIN)
      .then(({ url }) => logInThere(url))
  const back = await begin()
  const later = await begin()

  await db.updateTable('users').set({ role: 'member' }).where('id', '=', id).execute()
  t.match(await dora.open(back), { status: 422, body: /An administrator makes and ends it/ })
  t.match(await upstream.control(), { exchanges: 0 })

  await db.updateTable('users').set({ role: 'admin' }).where('id', '=', id).execute()
  t.match((await dora.open(later)).body, 'Notion is connected')
})
