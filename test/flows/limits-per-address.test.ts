// Owns the proof that one address cannot try tokens and secrets, or begin to connect apps, as often as it likes; and that its
// neighbours can.

import { randomBytes } from 'node:crypto'
import t from 'tap'
import * as apiKeys from '../../src/storage/api-keys.ts'
import { hashToken } from '../../src/storage/hash.ts'
import * as setupLinks from '../../src/storage/setup-links.ts'
import * as users from '../../src/storage/users.ts'
import { call } from '../gateway/stage.ts'
import { askForCode, DEVICE_GRANT, poll, registerDevice } from '../support/device.ts'
import { build } from '../support/gatehouse.ts'
import { authorizationRequest, postForm, postJson, register } from '../support/oauth.ts'
import { createOperatorClient } from '../support/operator-clients.ts'
import { connect, refresh } from '../support/sign-in.ts'

const ALICE = 'alice@example.com'
const HEADERS = { accept: 'application/json, text/event-stream', 'content-type': 'application/json' }

t.test(
  'an address whose tokens are not accepted is told to wait; a good one is let in from there',
  async (t) => {
    const env = { TRUST_PROXY: 'loopback', RATE_REFUSED_PER_ADDRESS: '3/m' }
    const { origin, browser, createPerson } = await build(t, { env })
    await createPerson(ALICE)
    const ask = async (address: string, token?: string, more: Readonly<Record<string, string>> = {}) => {
      const authorization = token === undefined ? {} : { authorization: `Bearer ${token}` }
      const headers = { ...HEADERS, ...more, ...authorization, 'x-forwarded-for': address }
      return fetch(`${origin}/mcp`, { method: 'POST', headers, body: JSON.stringify(call('tools/list')) })
    }
    for (let n = 0; n < 3; n++) t.equal((await ask('192.0.2.1', `invented-${n}`)).status, 401)
    const late = await ask('192.0.2.1', 'invented')
    t.equal(late.status, 429)
    t.ok(Number(late.headers.get('retry-after')) > 0)
    t.match(await late.json(), { jsonrpc: '2.0', error: { code: 429, message: /from your address/ } })
    const probing = { 'mcp-protocol-version': '2026-07-28', 'mcp-method': 'server/discover' }
    const probe = await ask('192.0.2.1', 'invented', probing)
    t.equal(probe.status, 503, 'a client that probes takes a 429 for an old server')
    t.ok(Number(probe.headers.get('retry-after')) > 0)
    t.equal((await ask('192.0.2.1')).status, 401, 'who has no token yet learns where to get one')
    t.equal((await ask('192.0.2.2', 'invented')).status, 401, 'another address')
    const { accessToken } = await connect(origin, browser(), ALICE)
    t.not((await ask('192.0.2.1', accessToken)).status, 429)
    t.not((await ask('192.0.2.1', accessToken)).status, 401)
  },
)

t.test('one address begins to connect apps so many times in a while, and the others still do', async (t) => {
  const env = { TRUST_PROXY: 'loopback', RATE_AUTHORIZE_PER_ADDRESS: '3/m' }
  const { origin } = await build(t, { env })
  const { client_id } = await register(origin)
  const begin = (address: string) => {
    const headers = { 'x-forwarded-for': address }
    return fetch(authorizationRequest(origin, client_id).url, { headers, redirect: 'manual' })
  }
  for (let n = 0; n < 3; n++) t.equal((await begin('192.0.2.1')).status, 303)
  const late = await begin('192.0.2.1')
  t.equal(late.status, 429)
  t.ok(Number(late.headers.get('retry-after')) > 0)
  t.match(await late.text(), /from your address/)
  t.equal((await begin('192.0.2.2')).status, 303)
})

t.test(
  'one address fails so many times in a while at the endpoints for clients, whatever it tries',
  async (t) => {
    const env = { TRUST_PROXY: 'loopback', RATE_FAILED_PER_ADDRESS: '2/h' }
    const running = await build(t, { env })
    const { origin, browser, createPerson } = running
    await createPerson(ALICE)
    const { client, refreshToken, accessToken } = await connect(origin, browser(), ALICE)
    const { client_id } = client
    const { id } = await createOperatorClient(running, { grants: ['client_credentials'], scope: 'demo' })
    const wrong: Readonly<Record<string, readonly [string, Readonly<Record<string, string>>]>> = {
      'a client secret': [
        '/token',
        { grant_type: 'client_credentials', client_id: id, client_secret: 'wrong' },
      ],
      'a code': [
        '/token',
        { grant_type: 'authorization_code', client_id, code: 'wrong', code_verifier: 'w'.repeat(43) },
      ],
      'a refresh token': ['/token', { grant_type: 'refresh_token', client_id, refresh_token: 'wrong' }],
      'a device code': ['/token', { grant_type: DEVICE_GRANT, client_id, device_code: 'wrong' }],
      'a resource server': ['/introspect', { token: accessToken, client_id: id, client_secret: 'wrong' }],
      'a token to revoke': ['/revoke', { token: 'wrong', client_id }],
      'a token of a person': ['/userinfo', { access_token: 'wrong' }],
    }
    let host = 0
    for (const [what, [path, fields]] of Object.entries(wrong)) {
      const headers = { 'x-forwarded-for': `192.0.2.${++host}` }
      const attempt = () => postForm(origin + path, fields, headers)
      for (let n = 0; n < 2; n++) t.not((await attempt()).status, 429, what)
      const late = await attempt()
      t.equal(late.status, 429, what)
      t.ok(Number(late.headers.get('retry-after')) > 0)
      t.match(late.body, { error: 'temporarily_unavailable', error_description: /from your address/ })
    }
    const neighbour = { 'x-forwarded-for': '192.0.2.200' }
    const { body } = await postForm(
      `${origin}/token`,
      { grant_type: 'refresh_token', client_id, refresh_token: refreshToken },
      neighbour,
    )
    t.type(body.access_token, 'string')
  },
)

t.test('who succeeds uses nothing up, and neither does a device that waits for its person', async (t) => {
  const { origin, browser, createPerson } = await build(t, { env: { RATE_FAILED_PER_ADDRESS: '1/h' } })
  await createPerson(ALICE)
  const { client, refreshToken } = await connect(origin, browser(), ALICE)
  const device = await registerDevice(origin)
  const asked = await askForCode(origin, device)
  for (const error of ['authorization_pending', 'slow_down', 'slow_down'])
    t.equal((await poll(origin, device, asked)).body.error, error)
  let token = refreshToken
  for (let n = 0; n < 3; n++) {
    const { status, body } = await refresh(origin, client.client_id, token)
    t.equal(status, 200)
    token = String(body.refresh_token)
  }
  t.equal((await refresh(origin, client.client_id, 'wrong')).status, 400)
  t.equal((await refresh(origin, client.client_id, token)).status, 429)
})

t.test('an address that invents initial access tokens is told to wait', async (t) => {
  const good = 'a-token-that-opens-registration'
  const env = {
    TRUST_PROXY: 'loopback',
    RATE_FAILED_PER_ADDRESS: '2/h',
    REGISTRATION: 'token',
    INITIAL_ACCESS_TOKENS: good,
  }
  const { origin } = await build(t, { env })
  const registering = (token: string, address: string) =>
    postJson(
      `${origin}/register`,
      { redirect_uris: ['http://127.0.0.1:33000/callback'], token_endpoint_auth_method: 'none' },
      { authorization: `Bearer ${token}`, 'x-forwarded-for': address },
    )
  for (let n = 0; n < 2; n++) t.equal((await registering('an-invented-token', '192.0.2.1')).status, 401)
  t.equal((await registering('an-invented-token', '192.0.2.1')).status, 429)
  for (let n = 0; n < 3; n++) t.equal((await registering(good, '192.0.2.2')).status, 201)
})

t.test(
  'an address with wrong keys for the operator is told to wait, and the right one is let in elsewhere',
  async (t) => {
    const env = { TRUST_PROXY: 'loopback', RATE_FAILED_PER_ADDRESS: '2/h' }
    const { origin, db } = await build(t, { env })
    const passwordHash = null
    const { user } = await users.create(db, { email: ALICE, name: 'Ada', passwordHash, role: 'admin' })
    if (!user) return t.fail('nobody was created')
    const wish = { name: 'ops', userId: user.id, scopes: new Set(['demo:read']), expiresInSeconds: 3600 }
    const { key } = await apiKeys.create(db, wish)
    const ask = async (address: string, given?: string) => {
      const authorization = given === undefined ? {} : { authorization: `Bearer ${given}` }
      const headers = { ...authorization, 'x-forwarded-for': address }
      return await fetch(`${origin}/admin/api/upstreams`, { headers })
    }
    for (let n = 0; n < 3; n++) t.equal((await ask('192.0.2.1')).status, 401, 'no key is no wrong key')
    for (let n = 0; n < 3; n++) t.equal((await ask('192.0.2.1', key)).status, 200)
    for (let n = 0; n < 2; n++) t.equal((await ask('192.0.2.1', `gh_invented_${n}`)).status, 401)
    const late = await ask('192.0.2.1', 'gh_invented')
    t.equal(late.status, 429)
    t.ok(Number(late.headers.get('retry-after')) > 0)
    t.match(await late.json(), { error: 'temporarily_unavailable', error_description: /from your address/ })
    t.equal((await ask('192.0.2.2', key)).status, 200)
  },
)

t.test(
  'an address that invents set-up links is told to wait, and the right one works elsewhere',
  async (t) => {
    const { origin, db } = await build(t, {
      env: { TRUST_PROXY: 'loopback', RATE_FAILED_PER_ADDRESS: '2/h' },
    })
    const token = randomBytes(32).toString('base64url')
    await setupLinks.create(db, hashToken(token), 3600)
    const visit = (address: string, query: string) =>
      fetch(`${origin}/setup${query}`, { headers: { 'x-forwarded-for': address, accept: 'text/html' } })
    for (let n = 0; n < 3; n++)
      t.equal((await visit('192.0.2.1', '')).status, 404, 'no link is no wrong link')
    for (let n = 0; n < 2; n++) t.equal((await visit('192.0.2.1', `?token=invented-${n}`)).status, 404)
    const late = await visit('192.0.2.1', '?token=invented')
    t.equal(late.status, 429)
    t.ok(Number(late.headers.get('retry-after')) > 0)
    t.match(await late.text(), /from your address/)
    t.equal((await visit('192.0.2.2', `?token=${token}`)).status, 200)
  },
)
