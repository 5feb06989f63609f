// Owns the device grant at authorization servers of every temper: slow, refusing, hostile, and out for a moment.

import { createServer, type IncomingMessage } from 'node:http'
import { text } from 'node:stream/consumers'
import t, { type Test } from 'tap'
import { createGuardedFetch } from '../../src/http/guarded-fetch.ts'
import type { OAuth2Auth } from '../../src/oauth/upstream-auth.ts'
import { awaitDevice, startDevice } from '../../src/upstreams/oauth/device.ts'
import type { LoginServer } from '../../src/upstreams/oauth/discovery.ts'
import { createProofs } from '../../src/upstreams/oauth/proofs.ts'
import { serveLocally } from '../support/local-server.ts'

const TOKENS = { access_token: 'given', token_type: 'Bearer', expires_in: 60, refresh_token: 'again' }
const CODE = {
  device_code: 'secret-code',
  user_code: 'ABCD-EFGH',
  verification_uri: 'https://server.example/device',
  expires_in: 600,
  interval: 0.05,
}
const CLIENT = {
  clientId: 'gatehouse',
  clientSecret: 'kept',
  key: null,
  authMethod: null,
  registrationId: null,
}
const AUTH: OAuth2Auth = {
  type: 'oauth2',
  grant: 'authorization_code',
  shared: false,
  clientId: null,
  clientSecret: null,
  clientKey: null,
  assertion: null,
  dpop: null,
  issuer: null,
  authorizationEndpoint: null,
  tokenEndpoint: null,
  deviceEndpoint: null,
  revocationEndpoint: null,
  scopes: null,
  audience: 'everything',
  sendsResource: true,
  redirectUri: null,
}

interface Answered {
  readonly status?: number
  readonly body: unknown
}

interface Heard {
  readonly path: string
  readonly authorization: string | undefined
  readonly form: Readonly<Record<string, string>>
}

/** Says these to the polls, one after the other, and the last one again and again. */
async function setStage(t: Test, code: object, polls: readonly Answered[]) {
  const heard: Heard[] = []
  const left = [...polls]
  const server = createServer(async (req: IncomingMessage, res) => {
    const form = Object.fromEntries(new URLSearchParams(await text(req)))
    heard.push({ path: req.url ?? '', authorization: req.headers.authorization, form })
    const { status = 400, body } =
      req.url === '/device'
        ? { status: 200, body: code }
        : ((left.length > 1 ? left.shift() : left[0]) ?? { body: {} })
    res.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
  })
  const origin = await serveLocally(t, server)
  const metadata = {
    issuer: origin,
    authorization_endpoint: `${origin}/authorize`,
    token_endpoint: `${origin}/token`,
    response_types_supported: ['code'],
    device_authorization_endpoint: `${origin}/device`,
  }
  const place: LoginServer = {
    issuer: origin,
    url: origin,
    metadata,
    resource: 'https://mcp.example/',
    scope: 'tools',
    takesProofs: false,
  }
  const fetch = createGuardedFetch({ isConfigured: (at) => at === origin })
  const reach = { fetch, proofs: createProofs() }
  const start = () => startDevice(place, CLIENT, AUTH, reach, null)
  const login = async (signal = new AbortController().signal) => awaitDevice(await start(), reach, signal)
  return { heard, start, login }
}

const PENDING = { body: { error: 'authorization_pending' } }
const GRANTED = { status: 200, body: TOKENS }

t.test('it asks as registered, and waits until the person has agreed', async (t) => {
  const { heard, start, login } = await setStage(t, CODE, [PENDING, PENDING, GRANTED])
  t.match(await start(), {
    userCode: 'ABCD-EFGH',
    verificationUri: CODE.verification_uri,
    verificationUriComplete: null,
  })

  t.match(await login(), { accessToken: 'given', refreshToken: 'again', scopes: new Set(['tools']) })

  const authorization = `Basic ${btoa('gatehouse:kept')}`
  const form = { scope: 'tools', resource: 'https://mcp.example/', audience: 'everything' }
  t.same(heard[0], { path: '/device', authorization, form })
  t.same(heard.at(-1), {
    path: '/token',
    authorization,
    form: {
      grant_type: 'urn:ietf:params:oauth:grant-type:device_code',
      device_code: 'secret-code',
      resource: 'https://mcp.example/',
    },
  })
  t.equal(heard.filter(({ path }) => path === '/token').length, 3)
})

for (const [what, answer] of [
  ['says so', { body: { error: 'slow_down' } }],
  ['is out for a moment', { status: 503, body: 'out' }],
] as const) {
  t.test(`a server that ${what} is asked five seconds later, and no sooner`, async (t) => {
    const { heard, login } = await setStage(t, CODE, [answer, GRANTED])
    const began = performance.now()
    t.match(await login(), { accessToken: 'given' })
    t.ok(performance.now() - began >= 5000)
    t.equal(heard.length, 3)
  })
}

t.test('what ends it says why, in our words', async (t) => {
  const ends = {
    access_denied: /^Access was denied at 127/,
    expired_token: /^Nobody entered the code at 127.* in time/,
    invalid_grant: /did not accept the login/,
    'planted words': /^127\S+ did not accept the login\.$/,
  }
  for (const [error, message] of Object.entries(ends)) {
    const { login } = await setStage(t, CODE, [PENDING, { body: { error, error_description: 'planted' } }])
    await t.rejects(login(), { name: 'OAuthFailure', message }, error)
  }
  const { login } = await setStage(t, { ...CODE, expires_in: 0.3 }, [PENDING])
  await t.rejects(login(), { message: /^Nobody entered the code/ }, 'it ends by itself')
  const endless = await setStage(t, CODE, [PENDING])
  const signal = AbortSignal.timeout(300)
  await t.rejects(endless.login(signal), { name: 'AbortError' }, 'and when who waits leaves')
})

t.test('what a terminal or a browser should not see is not shown', async (t) => {
  const bad = [
    { user_code: 'A\u001b[2J' },
    { user_code: 'A'.repeat(65) },
    { verification_uri: 'javascript:alert(1)' },
    { verification_uri: 'not an address' },
    { device_code: '' },
    { expires_in: -1 },
    { interval: 0 },
  ]
  for (const each of bad) {
    const { start } = await setStage(t, { ...CODE, ...each }, [GRANTED])
    await t.rejects(start(), { message: /gives Gatehouse no code for a device/ }, JSON.stringify(each))
  }
  const odd = {
    ...CODE,
    verification_uri_complete: 'data:text/html,x',
    verification_uri: 'https://a.example/\u001bx',
  }
  const { start } = await setStage(t, odd, [GRANTED])
  t.match(await start(), { verificationUri: 'https://a.example/%1Bx', verificationUriComplete: null })
})
