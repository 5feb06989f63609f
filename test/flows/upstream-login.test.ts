// Owns logging in at upstreams that want it: what a person does in the browser, and that their calls then get through.

import { type HTMLElement, parse } from 'node-html-parser'
import t from 'tap'
import type { Page } from '../support/browser.ts'
import { STATIC_CLIENT } from '../support/guarded-upstream/manners.ts'
import { startGuardedUpstream } from '../support/guarded-upstream.ts'
import { callTool } from '../support/modern-call.ts'
import { authorizationRequest, register } from '../support/oauth.ts'
import { connect } from '../support/sign-in.ts'
import { CONNECT, LOGIN, logIn, logInThere, open, startBefore } from '../support/upstream-login.ts'

const ALICE = 'alice@example.com'
const BOB = 'bob@example.com'

function main({ document }: Page): string {
  return document.querySelector('main')?.text.replace(/\s+/g, ' ') ?? ''
}

function connectionsOn(page: Page): HTMLElement {
  return page.document.querySelector('section[aria-labelledby="connections"]') ?? parse('')
}

const callMe = (origin: string, accessToken: string, name = 'me') =>
  callTool(`${origin}/mcp`, accessToken, name)

t.test('one line of configuration is enough: register, log in, call', async (t) => {
  const upstream = await startGuardedUpstream(t, 'open')
  const running = await startBefore(t, upstream, { type: 'oauth2' })
  const { origin, browser, db, log } = running
  const desk = browser()
  t.match(connectionsOn(await open(origin, desk, '/account')).text, /Notion\s+needs login/)

  const done = await logIn(running, desk)

  t.equal(done.url, `${origin}/connect/-/done/notion`, 'no code is left in the address')
  t.match(main(done), 'Notion is connected')
  t.match(connectionsOn(await open(origin, desk, '/account')).text, /Notion\s+connected[\s\S]*not used yet/)
  const { accessToken } = await connect(origin, desk, ALICE, { parameters: { scope: 'notion' } })
  t.match(await callMe(origin, accessToken), { status: 200, text: /you are carol/ })
  t.match(await upstream.control(), { registrations: 1, exchanges: 1, accounts: ['carol'] })

  await logIn(running, desk)
  t.match(await upstream.control(), { registrations: 1, exchanges: 2 }, 'the registration is kept')
  t.match(log(), 'upstream.connected')
  const rows = await db.selectFrom('upstream_connections').selectAll().execute()
  t.equal(rows.length, 1)
})

for (const manner of ['static', 'company'] as const) {
  t.test(`a server that registers nobody is used with what is configured (${manner})`, async (t) => {
    const upstream = await startGuardedUpstream(t, manner)
    const { origin: there } = upstream
    const endpoints = { authorization_endpoint: `${there}/authorize`, token_endpoint: `${there}/token` }
    const client = { client_id: STATIC_CLIENT.id, client_secret: STATIC_CLIENT.secret, resource: false }
    const explicit = manner === 'static' ? { ...endpoints, scopes: 'tools' } : {}
    const redirect_uri = 'http://localhost/connect/-/callback'
    const running = await startBefore(t, upstream, { type: 'oauth2', ...client, ...explicit, redirect_uri })
    const { origin, browser } = running
    const desk = browser()
    const page = await open(origin, desk, CONNECT)
    const away = await desk.submit(page, {}, undefined, LOGIN)
    const back = new URL(await logInThere(away.url))

    const done = await desk.open(`${origin}${back.pathname}${back.search}`)

    t.match(main(done), 'Notion is connected')
    const { accessToken } = await connect(origin, desk, ALICE, { parameters: { scope: 'notion' } })
    t.match(await callMe(origin, accessToken), { status: 200, text: /you are carol/ })
  })
}

t.test('a login is finished once, in the browser that began it, and by nobody else', async (t) => {
  const upstream = await startGuardedUpstream(t, 'open')
  const running = await startBefore(t, upstream, { type: 'oauth2' })
  const { origin, browser, createPerson } = running
  await createPerson(BOB)
  const [desk, foreign, phone] = [browser(), browser(), browser()]
  await open(origin, foreign, '/account', BOB)
  await open(origin, phone, '/account')
  const away = await desk.submit(await open(origin, desk, CONNECT), {}, undefined, LOGIN)
  const back = await logInThere(away.url)

  for (const other of [foreign, phone]) t.match(main(await other.open(back)), 'cannot be finished')
  t.match(connectionsOn(await open(origin, foreign, '/account')).text, 'needs login')
  t.match(main(await desk.open(back)), 'Notion is connected', 'its own browser still may')
  t.match(main(await desk.open(back)), 'cannot be finished', 'once')
  t.match(connectionsOn(await open(origin, foreign, '/account')).text, 'needs login', 'bob is not connected')
})

t.test('what goes wrong over there is said here, in our words', async (t) => {
  const upstream = await startGuardedUpstream(t, 'open')
  const running = await startBefore(t, upstream, { type: 'oauth2' })
  const { origin, browser } = running
  const desk = browser()
  const away = await desk.submit(await open(origin, desk, CONNECT), {}, undefined, LOGIN)
  const refused = await desk.open(await logInThere(away.url, 'carol', 'no'))
  t.equal(refused.status, 422)
  t.match(main(refused), /Access was denied at 127\.0\.0\.1/)
  t.notMatch(refused.body, 'planted text of the server')

  const again = await desk.submit(refused, {}, undefined, LOGIN)
  const mixedUp = new URL(await logInThere(again.url))
  mixedUp.searchParams.set('iss', 'https://evil.example')
  t.match(main(await desk.open(mixedUp.href)), 'did not come from the server that was asked')
  t.match(await upstream.control(), { exchanges: 0 }, 'the code went nowhere')

  const last = await desk.submit(await open(origin, desk, CONNECT), {}, undefined, LOGIN)
  t.match(main(await desk.open(await logInThere(last.url))), 'Notion is connected')
})

t.test('logging out revokes over there, and the next call wants a login again', async (t) => {
  const upstream = await startGuardedUpstream(t, 'open')
  const running = await startBefore(t, upstream, { type: 'oauth2' })
  const { origin, browser } = running
  const desk = browser()
  await logIn(running, desk)
  const page = await open(origin, desk, CONNECT)

  const after = await desk.submit(page, {}, undefined, 'form[action="/connect/notion/end"]')

  t.equal(after.url, origin + CONNECT)
  t.notMatch(main(after), 'Connected')
  t.ok((await upstream.control()).revocations >= 1)
})

t.test(
  'a link that is damaged, or somebody else’s, begins nothing, and each is told what is true',
  async (t) => {
    const upstream = await startGuardedUpstream(t, 'open')
    const { origin, browser, createPerson } = await startBefore(t, upstream, { type: 'oauth2' })
    await createPerson(BOB)
    const desk = browser()
    const { accessToken } = await connect(origin, desk, ALICE, { parameters: { scope: 'notion' } })
    const { text } = await callMe(origin, accessToken, 'connect_notion')
    const link = new URL(/https?:\S+for=[\w-]+/.exec(text)?.[0] ?? '')
    const whole = link.pathname + link.search
    t.match(main(await open(origin, desk, whole)), 'Connect Notion')
    const damaged = [`${CONNECT}?for=invented`, whole.slice(0, -4), whole.replace(/.{8}$/, 'AAAAAAAA')]
    for (const path of damaged) {
      const page = await open(origin, desk, path)
      t.equal(page.status, 400, path)
      t.match(main(page), 'This link does not work')
      t.notMatch(main(page), 'another account')
    }
    const foreign = await open(origin, browser(), whole, BOB)
    t.equal(foreign.status, 403)
    t.match(main(foreign), 'This link is for another account')
  },
)

t.test(
  'the consent page knows the tools of who has logged in, and nobody else’s absence hides them',
  async (t) => {
    const upstream = await startGuardedUpstream(t, 'open')
    const running = await startBefore(t, upstream, { type: 'oauth2' })
    const { origin, browser, createPerson } = running
    await createPerson(BOB)
    const [desk, other] = [browser(), browser()]
    const bob = await connect(origin, other, BOB, { parameters: { scope: 'notion:read' } })
    await logIn(running, desk)

    t.match(await callMe(origin, bob.accessToken), { status: 403 }, 'for bob it is not known to only read')
    const asked = await callMe(origin, bob.accessToken, 'connect_notion')
    t.match(asked, { status: 200, text: /Open this link/ }, 'what leads to the login needs no more')
    const alice = await connect(origin, desk, ALICE, { parameters: { scope: 'notion:read' } })
    t.match(await callMe(origin, alice.accessToken), { status: 200, text: /you are carol/ })

    const { client_id } = await register(origin, { client_name: 'Another' })
    const request = authorizationRequest(origin, client_id, { scope: 'notion:read' })
    t.match(main(await desk.open(request.url)), /1 tool\s+me/)
    t.match(main(await other.open(request.url)), /1 tool\s+connect_notion/)
  },
)
