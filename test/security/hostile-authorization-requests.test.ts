// Owns the proof that an authorization request leads to the registered client or nowhere, whatever is in it (AZ-01 to AZ-19, PK-01, PK-06).

import t, { type Test } from 'tap'
import { build, type Running } from '../support/gatehouse.ts'
import { authorizationRequest, REDIRECT_URI, register } from '../support/oauth.ts'
import { authorize, callbackOf, redeem, signIn } from '../support/sign-in.ts'

const ALICE = 'alice@example.com'
const WEB = 'https://app.test/cb'

async function stage(t: Test): Promise<Running> {
  const running = await build(t)
  await running.createPerson(ALICE)
  return running
}

const ELSEWHERE = [
  'https://app.test/cb/../evil',
  'https://app.test/cb%2f..%2fevil',
  'https://app.test/cb/x',
  'https://app.test/cb/',
  'https://app.test/cb?x=1',
  'https://app.test/cb#',
  'https://app.test/cb ',
  ' https://app.test/cb',
  'https://app.test/%63b',
  'https://app.test:443/cb',
  'https://APP.test/cb',
  'HTTPS://app.test/cb',
  'http://app.test/cb',
  'https://app.test@evil.test/cb',
  'https://app.test.evil.test/cb',
  'https://evil.test\\@app.test/cb',
  'https://app.test%40evil.test/cb',
  '//app.test/cb',
  '/cb',
  'javascript:alert(1)',
  'data:text/html,x',
]
const OTHER_LOOPBACK = [
  'http://localhost:33000/callback',
  'http://[::1]:33000/callback',
  'http://127.0.0.2:33000/callback',
  'http://127.1:33000/callback',
  'http://2130706433:33000/callback',
  'http://127.0.0.1:33000/callback/',
  'http://127.0.0.1:33000/callback?x=1',
  'http://127.0.0.1:33000/x/../callback',
  'http://127.0.0.1:33000@evil.test/callback',
  'http://user@127.0.0.1:33000/callback',
  'http://127.0.0.1:99999/callback',
  'https://127.0.0.1:33000/callback',
]

t.test('a redirect URI that is not the registered one, byte for byte, ends at a page of ours', async (t) => {
  const { origin } = await stage(t)
  const web = await register(origin, { redirect_uris: [WEB] })
  const native = await register(origin)
  const ask = (clientId: string, redirect_uri: string) =>
    fetch(authorizationRequest(origin, clientId, { redirect_uri }).url, {
      redirect: 'manual',
      headers: { accept: 'text/html' },
    })

  for (const [client, uris] of [
    [web, ELSEWHERE],
    [native, OTHER_LOOPBACK],
  ] as const) {
    for (const uri of uris) {
      const response = await ask(client.client_id, uri)
      t.equal(response.status, 400, uri)
      t.equal(response.headers.get('location'), null, uri)
      t.notMatch(await response.text(), /evil\.test/)
    }
  }
  t.equal((await ask('nobody', 'https://evil.test/cb')).headers.get('location'), null)
  for (const [client, uri] of [
    [web, WEB],
    [native, REDIRECT_URI],
    [native, 'http://127.0.0.1:1/callback'],
    [native, 'http://127.0.0.1/callback'],
  ] as const)
    t.match((await ask(client.client_id, uri)).headers.get('location'), /^\/login\//, uri)
})

t.test('a parameter that comes twice is refused, and who asks twice is told nowhere else', async (t) => {
  const { origin, browser } = await stage(t)
  const { client_id } = await register(origin)
  const other = await register(origin, { client_name: 'Other', redirect_uris: [WEB] })
  const { url } = authorizationRequest(origin, client_id)

  const both = await fetch(`${url}&client_id=${other.client_id}`, { redirect: 'manual' })
  t.match([both.status, both.headers.get('location')], [400, null])
  for (const more of [
    `redirect_uri=${WEB}`,
    'state=2',
    'scope=a&scope=b',
    'code_challenge=x',
    'response_type=code',
  ]) {
    const page = await browser().open(`${url}&${more}`)
    t.ok(page.url.startsWith(REDIRECT_URI), more)
    t.match(callbackOf(page).get('error'), 'invalid_request', more)
  }
  for (const more of ['__proto__=1', 'constructor=1', 'client_id[]=x', 'nobody_knows=this'])
    t.match((await browser().open(`${url}&${more}`)).url, '/login/', more)
})

t.test('what is not offered is an error at the client, with iss and its state', async (t) => {
  const { origin, browser } = await stage(t)
  const { client_id } = await register(origin)
  const confidential = await register(origin, { token_endpoint_auth_method: 'client_secret_basic' })
  const wrong: readonly (readonly [Record<string, string | undefined>, string])[] = [
    [{ response_type: 'token' }, 'unsupported_response_type'],
    [{ response_type: 'id_token' }, 'unsupported_response_type'],
    [{ response_type: 'code id_token' }, 'unsupported_response_type'],
    [{ response_type: 'none' }, 'unsupported_response_type'],
    [{ response_mode: 'web_message' }, 'unsupported_response_mode'],
    [{ request: 'eyJhbGciOiJub25lIn0.e30.' }, 'request_not_supported'],
    [{ request_uri: 'http://169.254.169.254/x' }, 'request_uri_not_supported'],
    [{ registration: '{}' }, 'registration_not_supported'],
    [{ prompt: 'none login' }, 'invalid_request'],
    [{ code_challenge: undefined, code_challenge_method: undefined }, 'invalid_request'],
    [{ code_challenge: undefined }, 'invalid_request'],
    [{ code_challenge_method: undefined }, 'invalid_request'],
    [{ code_challenge_method: 'plain' }, 'invalid_request'],
    [{ code_challenge: 'x'.repeat(42) }, 'invalid_request'],
    [{ code_challenge: '='.repeat(43) }, 'invalid_request'],
    [{ code_challenge: '\0'.repeat(43) }, 'invalid_request'],
  ]
  for (const id of [client_id, confidential.client_id]) {
    for (const [parameters, error] of wrong) {
      const request = authorizationRequest(origin, id, parameters)
      const { url } = await browser().open(request.url)
      const answer = new URLSearchParams(new URL(url).hash.slice(1) || new URL(url).search)
      t.ok(url.startsWith(REDIRECT_URI))
      t.match(
        Object.fromEntries(answer),
        { error, iss: origin, state: request.state },
        JSON.stringify(parameters),
      )
      t.notOk(answer.has('code'))
    }
  }
})

t.test('no prompt means no page, and nothing that was not agreed to', async (t) => {
  const { origin, browser } = await stage(t)
  const desk = browser()
  const { client_id } = await register(origin)
  const errorOf = async (id: string, parameters: Record<string, string> = {}, by = desk) =>
    callbackOf(await by.open(authorizationRequest(origin, id, { prompt: 'none', ...parameters }).url)).get(
      'error',
    )

  t.equal(await errorOf(client_id), 'login_required')
  await authorize(desk, authorizationRequest(origin, client_id), ALICE)
  t.equal(await errorOf(client_id), null, 'what was agreed to needs no page')
  t.equal(await errorOf(client_id, { scope: 'demo' }), 'consent_required', 'a broader scope')
  const other = await register(origin, { client_name: 'Other' })
  t.equal(await errorOf(other.client_id), 'consent_required', 'another client')
  t.equal(await errorOf(client_id, {}, browser()), 'login_required', 'another browser')
})

t.test('what a client sends along comes back as it was, or not at all', async (t) => {
  const { origin, browser } = await stage(t)
  const desk = browser()
  const client = await register(origin)
  for (const state of [
    'a\r\nSet-Cookie: x=1',
    '\0ÿ',
    '<svg onload=alert(1)>',
    '&code=stolen',
    '✓ ünïcode',
    'x'.repeat(4000),
  ]) {
    const request = authorizationRequest(origin, client.client_id, { state })
    const page = await signIn(desk, request.url, ALICE)
    const end = page.url.includes('/consent/') ? await desk.submit(page, {}, 'allow') : page
    t.equal(callbackOf(end).get('state'), state)
    t.equal(callbackOf(end).getAll('code').length, 1)
    t.equal(end.headers.get('x'), null)
    const redemption = { client, code: callbackOf(end).get('code') ?? '', verifier: request.verifier }
    t.equal((await redeem(origin, redemption)).status, 200)
  }
  for (const parameters of [
    { claims: '{"a":'.repeat(400) },
    { display: '../../etc/passwd', ui_locales: '<x>', login_hint: "'; drop table users; --" },
    { state: 'x'.repeat(20_000) },
  ]) {
    const response = await fetch(authorizationRequest(origin, client.client_id, parameters).url, {
      redirect: 'manual',
    })
    t.ok(response.status < 500, JSON.stringify(parameters).slice(0, 60))
  }
})

t.test('an authorization in progress is its browser’s, and is answered once', async (t) => {
  const { origin, browser, createPerson } = await stage(t)
  await createPerson('bob@example.com')
  const desk = browser()
  const { client_id } = await register(origin)
  const ask = () => signIn(desk, authorizationRequest(origin, client_id, { prompt: 'consent' }).url, ALICE)
  const page = await ask()
  const { pathname } = new URL(page.url)
  const uid = pathname.split('/').at(-1) ?? ''
  const stranger = browser()
  await authorize(stranger, authorizationRequest(origin, client_id), 'bob@example.com')

  for (const path of [pathname, `/authorize/${uid}`, `/login/${uid}`]) {
    t.equal((await stranger.open(origin + path)).status, 400, `another browser: ${path}`)
    t.equal((await browser().open(origin + path)).status, 400, `nobody’s browser: ${path}`)
  }
  const flipped = uid.slice(0, -1) + (uid.endsWith('A') ? 'B' : 'A')
  t.equal((await desk.open(`${origin}/consent/${flipped}`)).status, 400)
  t.equal((await desk.open(page.url)).status, 200)

  t.equal(callbackOf(await desk.submit(page, {}, 'deny')).get('error'), 'access_denied')
  const late = await desk.submit(page, {}, 'allow')
  t.match([late.status, callbackOf(late).has('code')], [400, false], 'no cannot become yes')
  t.ok(callbackOf(await desk.submit(await ask(), {}, 'allow')).get('code'))
})
