// Owns signing out: only by the person's own click, and on to registered addresses only (OpenID Connect RP-Initiated Logout 1.0, CO-16, RF-12).

import { SignJWT, UnsecuredJWT } from 'jose'
import t from 'tap'
import type { Browser } from '../support/browser.ts'
import { build, createPerson, PASSWORD } from '../support/gatehouse.ts'
import { getJson } from '../support/oauth.ts'
import { connect, refresh } from '../support/sign-in.ts'

const ALICE = 'alice@example.com'
const AFTER = 'https://app.example/signed-out'
const METADATA = { client_name: 'Notebook', post_logout_redirect_uris: [AFTER] }

/** Alice is signed in with this browser, and the client has an ID token of hers. */
async function connected(origin: string, desk: Browser) {
  const parameters = { scope: 'openid demo:read' }
  const { client, tokens, refreshToken } = await connect(origin, desk, ALICE, {
    metadata: METADATA,
    parameters,
  })
  return { client, refreshToken, idToken: String(tokens.body.id_token) }
}

function logoutUrl(origin: string, parameters: Record<string, string>): string {
  return `${origin}/logout?${new URLSearchParams(parameters)}`
}

async function isSignedIn(origin: string, browser: Browser): Promise<boolean> {
  return (await browser.open(`${origin}/account`)).url.endsWith('/account')
}

t.test('discovery names the endpoint', async (t) => {
  const { origin } = await build(t)
  const { body } = await getJson(`${origin}/.well-known/openid-configuration`)
  t.equal(body.end_session_endpoint, `${origin}/logout`)
})

t.test('a client asks, the person agrees, and the browser goes on to the client', async (t) => {
  const { origin, createPerson, browser, log } = await build(t)
  await createPerson(ALICE)
  const desk = browser()
  const { client, idToken, refreshToken } = await connected(origin, desk)

  const asked = await desk.open(
    logoutUrl(origin, { id_token_hint: idToken, post_logout_redirect_uri: AFTER, state: 'xyz' }),
  )
  const text = asked.document.querySelector('main')?.text ?? ''
  t.match(text, 'Notebook')
  t.match(text, ALICE)
  t.match(text, 'app.example')
  t.match(asked.headers.get('content-security-policy'), "form-action 'self' https://app.example")
  t.ok(await isSignedIn(origin, desk), 'asking alone does nothing')

  const end = await desk.submit(asked, {})
  t.equal(end.url, `${AFTER}?state=xyz`)
  t.notOk(await isSignedIn(origin, desk))
  t.match((await desk.open(`${origin}/account`)).url, '/login/')
  t.equal((await refresh(origin, client.client_id, refreshToken)).status, 200, 'the app keeps its access')
  t.match(log(), '"event":"signed_out"')
})

t.test('the person comes by themselves, or by the button on the front page', async (t) => {
  const { origin, browser, db } = await build(t)
  await createPerson(db, ALICE, 'admin')
  for (const start of ['/logout', '/']) {
    const desk = browser()
    await desk.submit(await desk.open(`${origin}/login`), { email: ALICE, password: PASSWORD })
    const end = await desk.submit(await desk.open(origin + start), {})
    t.match(end.document.querySelector('h1')?.text, 'You are signed out', start)
    t.notOk(
      (await desk.jar.getCookies(origin)).some(({ key }) => key.startsWith('session')),
      'the cookie is gone',
    )
    t.notOk(await isSignedIn(origin, desk))
  }
})

t.test('the old cookie is good for nothing', async (t) => {
  const { origin, createPerson, browser } = await build(t)
  await createPerson(ALICE)
  const [desk, thief] = [browser(), browser()]
  await connected(origin, desk)
  for (const cookie of await desk.jar.getCookies(origin)) await thief.jar.setCookie(cookie.toString(), origin)
  t.ok(await isSignedIn(origin, thief))
  await desk.submit(await desk.open(`${origin}/logout`), {})
  t.notOk(await isSignedIn(origin, thief))
})

t.test('a client that posts its request gets the same page', async (t) => {
  const { origin, createPerson, browser } = await build(t)
  await createPerson(ALICE)
  const desk = browser()
  const { idToken } = await connected(origin, desk)
  const asked = await desk.post(`${origin}/logout`, {
    id_token_hint: idToken,
    post_logout_redirect_uri: AFTER,
  })
  t.match(asked.document.querySelector('h1')?.text, 'Sign out?')
  t.ok(await isSignedIn(origin, desk), 'and a page of another site has signed nobody out')
  t.equal((await desk.submit(asked, {})).url, AFTER)
})

t.test('an address that is not registered is refused, and nobody is signed out', async (t) => {
  const { origin, createPerson, browser } = await build(t)
  await createPerson(ALICE)
  const desk = browser()
  const { client, idToken } = await connected(origin, desk)
  const page = await desk.open(logoutUrl(origin, { id_token_hint: idToken }))

  const addresses = [
    'https://evil.example/',
    '//evil.example',
    '/\\evil.example',
    'https:evil.example',
    `${AFTER}/`,
    `${AFTER}?next=https://evil.example`,
    'https://app.example@evil.example/signed-out',
    'javascript:alert(1)',
    'not a url',
  ]
  for (const post_logout_redirect_uri of addresses) {
    for (const by of [{ id_token_hint: idToken }, { client_id: client.client_id }]) {
      const refused = await desk.open(logoutUrl(origin, { ...by, post_logout_redirect_uri }))
      t.equal(refused.status, 400, post_logout_redirect_uri)
    }
    const posted = await desk.submit(page, { id_token_hint: idToken, post_logout_redirect_uri })
    t.equal(posted.status, 400, 'nor when the form is tampered with')
    const alone = await desk.open(logoutUrl(origin, { post_logout_redirect_uri }))
    t.equal(alone.status, 200, 'without a client it is not looked at')
    t.notMatch(alone.document.querySelector('main')?.toString(), 'evil')
  }
  t.ok(await isSignedIn(origin, desk))
  const registered = await desk.open(
    logoutUrl(origin, { client_id: client.client_id, post_logout_redirect_uri: AFTER }),
  )
  t.equal(registered.status, 200)
})

t.test('an ID token that is not ours is refused', async (t) => {
  const { origin, createPerson, browser } = await build(t)
  await createPerson(ALICE)
  const desk = browser()
  const { client, idToken } = await connected(origin, desk)
  const claims = { sub: 'usr_1', iss: origin, aud: client.client_id, iat: 1, exp: 2 }
  const [head, payload, signature] = idToken.split('.')
  const hints = [
    new UnsecuredJWT(claims).encode(),
    await new SignJWT(claims).setProtectedHeader({ alg: 'HS256' }).sign(Buffer.alloc(32)),
    `${head}.${payload}.${signature?.slice(0, -4)}AAAA`,
    `${head}.${Buffer.from(JSON.stringify(claims)).toString('base64url')}.${signature}`,
    'x',
    'x.y.z',
  ]
  for (const id_token_hint of hints) {
    const page = await desk.open(logoutUrl(origin, { id_token_hint, post_logout_redirect_uri: AFTER }))
    t.equal(page.status, 400)
  }
  const other = logoutUrl(origin, { id_token_hint: idToken, client_id: 'somebody-else' })
  t.equal((await desk.open(other)).status, 400)
  t.ok(await isSignedIn(origin, desk))
  t.equal((await desk.open(logoutUrl(origin, { id_token_hint: idToken }))).status, 200)
})

t.test('who is signed out already goes on at once only with an ID token of ours', async (t) => {
  const { origin, createPerson, browser } = await build(t)
  await createPerson(ALICE)
  const { client, idToken } = await connected(origin, browser())

  const proven = await browser().open(
    logoutUrl(origin, { id_token_hint: idToken, post_logout_redirect_uri: AFTER }),
  )
  t.equal(proven.url, AFTER)
  const claimed = await browser().open(
    logoutUrl(origin, { client_id: client.client_id, post_logout_redirect_uri: AFTER }),
  )
  t.match(claimed.document.querySelector('h1')?.text, 'You are signed out')
  t.equal(claimed.document.querySelector('main a')?.getAttribute('href'), AFTER)
  t.match(claimed.document.querySelector('main a')?.text, 'app.example')
})
