// Owns the proof that a client that is sloppy connects all the same, or learns what to do instead (AZ-10, AZ-18, TK-01, TK-05, RF-01).

import { createServer, type IncomingMessage } from 'node:http'
import { text } from 'node:stream/consumers'
import t, { type Test } from 'tap'
import { launchChromium, openWindow } from '../support/chromium.ts'
import { build, PASSWORD, type Running } from '../support/gatehouse.ts'
import { freePort } from '../support/local-server.ts'
import {
  authorizationRequest,
  getJson,
  postForm,
  postJson,
  REDIRECT_URI,
  register,
} from '../support/oauth.ts'
import { authorize, callbackOf, connect, redeem, refresh, signIn } from '../support/sign-in.ts'

const ALICE = 'alice@example.com'
const TWO = { UPSTREAMS: '{"a": {"url": "http://127.0.0.1:1/mcp"}, "b": {"url": "http://127.0.0.1:1/mcp"}}' }

async function withAlice(t: Test, env: Record<string, string> = {}): Promise<Running> {
  const running = await build(t, { env })
  await running.createPerson(ALICE)
  return running
}

t.test(
  'a scope of the client’s own making gets reading, which the person sees and the token says',
  async (t) => {
    const { origin, browser } = await withAlice(t)
    for (const [scope, granted] of [
      ['claudeai', 'demo:read'],
      ['mcp:*', 'demo:read'],
      ['offline_access', 'demo:read'],
      ['mcp:tools demo', 'demo:read demo'],
      ['demo:read demo', 'demo:read demo'],
    ] as const) {
      const client = await register(origin, { client_name: scope })
      const request = authorizationRequest(origin, client.client_id, { scope })
      const desk = browser()
      const page = await signIn(desk, request.url, ALICE)
      t.match(page.url, '/consent/', `${scope}: nothing is given silently`)
      const ticked = page.document.querySelectorAll('input[name=scope][checked]')
      t.same(new Set(ticked.map((box) => box.getAttribute('value'))), new Set(granted.split(' ')), scope)
      const code = callbackOf(await desk.submit(page, {}, 'allow')).get('code') ?? ''
      const tokens = await redeem(origin, { client, code, verifier: request.verifier })
      t.same(new Set(String(tokens.body.scope).split(' ')), new Set(granted.split(' ')), scope)
    }
    const { client_id } = await register(origin)
    for (const scope of ['a  b', 'a"b', ' demo']) {
      const page = await browser().open(authorizationRequest(origin, client_id, { scope }).url)
      t.match(callbackOf(page).get('error'), 'invalid_scope', `${scope}: RFC 6749 §3.3`)
    }
  },
)

t.test('a resource may be spelled in several ways, or left out where there is one', async (t) => {
  const { origin, browser } = await withAlice(t)
  const upper = origin.replace('http://localhost', 'HTTP://LOCALHOST')
  for (const resource of [`${origin}/mcp/`, `${upper}/mcp`, `${origin}/mcp?`, '', undefined]) {
    const { accessToken, refreshToken, client } = await connect(origin, browser(), ALICE, {
      parameters: { resource },
    })
    t.ok(accessToken, String(resource))
    const again = await refresh(origin, client.client_id, refreshToken, resource ? { resource } : {})
    t.equal(again.status, 200, `${resource}, in the same spelling`)
  }
})

t.test('a resource that is not ours is refused with what to send instead', async (t) => {
  const { origin, browser } = await withAlice(t, TWO)
  const { client_id } = await register(origin)
  const errorOf = async (resource: string) => {
    const page = await browser().open(authorizationRequest(origin, client_id, { resource }).url)
    const callback = callbackOf(page)
    return [callback.get('error'), callback.get('error_description')]
  }

  for (const resource of [
    origin,
    `${origin}/`,
    `${origin}/mcp/nope`,
    `${origin}/mcp/a?x=1`,
    'https://bank.example/',
  ]) {
    const [error, description] = await errorOf(resource)
    t.equal(error, 'invalid_target', resource)
    t.match(description, /send the URL of the MCP server/)
  }
  const url = `${authorizationRequest(origin, client_id, { resource: `${origin}/mcp/a` }).url}&resource=${origin}/mcp/b`
  t.match(callbackOf(await browser().open(url)).get('error_description'), /one resource/)
  t.match(
    (await browser().open(authorizationRequest(origin, client_id, { resource: `${origin}/mcp/a` }).url)).url,
    '/login/',
  )
})

t.test('a wrong method is answered with the right ones', async (t) => {
  const { origin } = await build(t)
  const tries: readonly (readonly [string, string, string | null])[] = [
    ['GET', '/token', 'POST, OPTIONS'],
    ['GET', '/token?grant_type=authorization_code&code=x&client_secret=y', 'POST, OPTIONS'],
    ['PUT', '/token', 'POST, OPTIONS'],
    ['GET', '/register', 'POST, OPTIONS'],
    ['GET', '/revoke', 'POST, OPTIONS'],
    ['GET', '/introspect', 'POST, OPTIONS'],
    ['GET', '/par', 'POST, OPTIONS'],
    ['POST', '/authorize', 'GET, HEAD'],
    ['POST', '/.well-known/oauth-authorization-server', 'GET, HEAD, OPTIONS'],
    ['POST', '/jwks', 'GET, HEAD, OPTIONS'],
    ['DELETE', '/userinfo', 'GET, HEAD, POST, OPTIONS'],
    ['POST', '/login', 'GET, HEAD'],
    ['POST', '/nowhere', null],
    ['GET', '/a:(b', null],
    ['POST', '/:x(a+)+', null],
    ['PUT', '/authorize/:uid', null],
    ['DELETE', '/*', null],
  ]
  for (const [method, path, allow] of tries) {
    const response = await fetch(origin + path, { method, redirect: 'manual' })
    t.equal(response.status, allow === null ? 404 : 405, `${method} ${path}`)
    t.equal(response.headers.get('allow'), allow, `${method} ${path}`)
    const body = await response.json()
    t.match(
      body,
      allow === null
        ? { error: 'not_found' }
        : { error: 'invalid_request', error_description: /not [A-Z]+\.$/ },
    )
    t.notMatch(JSON.stringify(body), /client_secret|grant_type/)
  }
})

t.test('metadata is found where clients look for it that end the issuer with a slash', async (t) => {
  const { origin } = await build(t)
  for (const path of ['/.well-known/oauth-authorization-server', '/.well-known/openid-configuration']) {
    const plain = await getJson(origin + path)
    t.match(plain, { status: 200, body: { issuer: origin } })
    t.same((await getJson(`${origin}${path}/`)).body, plain.body)
    t.equal((await fetch(`${origin}${path}/`, { method: 'HEAD' })).status, 200)
    // RFC 8414 §3.3: a document that is found there would be for another issuer.
    for (const other of ['/mcp', '/tenant', '/mcp/demo'])
      t.equal((await getJson(origin + path + other)).status, 404)
  }
})

t.test('a client that does not say who it is learns that it has to', async (t) => {
  const { origin, browser } = await withAlice(t)
  const { client, refreshToken } = await connect(origin, browser(), ALICE)
  const fields = { grant_type: 'refresh_token', refresh_token: refreshToken }
  for (const path of ['/token', '/revoke', '/par', '/device/code', '/introspect'])
    t.match(
      await postForm(origin + path, { ...fields, token: refreshToken }),
      { status: 400, body: { error: 'invalid_request', error_description: /send client_id/ } },
      path,
    )
  const { grant_type: _, ...incomplete } = fields
  const other = await postForm(`${origin}/token`, { ...incomplete, client_id: client.client_id })
  t.match(
    other.body,
    { error: 'invalid_request', error_description: /grant_type/ },
    'what else is wrong is said',
  )
  t.equal((await postForm(`${origin}/token`, { ...fields, client_id: client.client_id })).status, 200)
})

t.test('a token request in another format is told which one', async (t) => {
  const { origin, browser } = await withAlice(t)
  const client = await register(origin)
  const request = authorizationRequest(origin, client.client_id)
  const code = (await authorize(browser(), request, ALICE)).get('code') ?? ''
  const { client_id } = client
  const fields = {
    grant_type: 'authorization_code',
    client_id,
    code,
    code_verifier: request.verifier,
    redirect_uri: REDIRECT_URI,
  }
  const form = new FormData()
  for (const [name, value] of Object.entries(fields)) form.set(name, value)
  const told = async (init: RequestInit) => {
    const response = await fetch(`${origin}/token`, { method: 'POST', ...init })
    const body = await response.text()
    t.match([response.status, body], [/400|415/, /"error":"invalid_request"/])
    return body
  }

  t.match((await postJson(`${origin}/token`, fields)).body, {
    error: 'invalid_request',
    error_description: /x-www-form-urlencoded/,
  })
  t.match(await told({ body: form }), /x-www-form-urlencoded/)
  t.match(
    await told({ body: `${new URLSearchParams(fields)}`, headers: { 'content-type': 'text/plain' } }),
    /x-www-form-urlencoded/,
  )
  await told({
    body: `${new URLSearchParams(fields)}`,
    headers: { 'content-type': 'application/json, application/x-www-form-urlencoded' },
  })
  t.equal(
    (await postForm(`${origin}/token?client_id=${client_id}&code=${code}`, {})).status,
    400,
    'a query does not count',
  )
  t.equal(
    (await redeem(origin, { client, code, verifier: request.verifier })).status,
    200,
    'none of it spent the code',
  )
})

t.test('a client that wants its answer posted gets it posted, by whatever way it leads on', async (t) => {
  const browser = await launchChromium(t)
  if (!browser) return
  const { origin } = await withAlice(t)
  const { redirectUri, posted } = await startPostedClient(t)
  const client = await register(origin, { redirect_uris: [redirectUri] })
  const request = authorizationRequest(origin, client.client_id, {
    redirect_uri: redirectUri,
    response_mode: 'form_post',
  })
  const page = await (await openWindow(t, browser)).newPage()

  await page.goto(request.url)
  await page.getByLabel('Email').fill(ALICE)
  await page.getByLabel('Password').fill(PASSWORD)
  await page.getByRole('button', { name: 'Sign in' }).click()
  await page.getByRole('button', { name: 'Allow' }).click()
  await page.getByText('welcome back').waitFor()

  const answer = new URLSearchParams(posted.at(-1))
  t.match(Object.fromEntries(answer), { state: request.state, iss: origin })
  const redemption = { client, code: answer.get('code') ?? '', verifier: request.verifier }
  t.equal((await redeem(origin, redemption, { redirect_uri: redirectUri })).status, 200)

  await page.goto(
    authorizationRequest(origin, client.client_id, {
      redirect_uri: redirectUri,
      response_mode: 'form_post',
      prompt: 'none',
      resource: 'https://bank.example/',
    }).url,
  )
  await page.getByText('welcome back').waitFor()
  t.match(Object.fromEntries(new URLSearchParams(posted.at(-1))), { error: 'invalid_target', iss: origin })
})

/** Takes its answer with POST, and sends the browser on to another origin of its own. */
async function startPostedClient(t: Test) {
  const [callbackPort, homePort] = [await freePort(), await freePort()]
  const posted: string[] = []
  const home = createServer((_request, response) => response.end('welcome back'))
  const callback = createServer(async (request: IncomingMessage, response) => {
    posted.push(await text(request))
    response.writeHead(303, { location: `http://localhost:${homePort}/` }).end()
  })
  home.listen(homePort, '127.0.0.1')
  callback.listen(callbackPort, '127.0.0.1')
  t.teardown(() => {
    for (const server of [home, callback]) server.close().closeAllConnections()
  })
  return { redirectUri: `http://localhost:${callbackPort}/callback`, posted }
}
