// Owns the proof that what people and clients prove themselves with is in no table and in no line of the log, wherever they put it.

import { Writable } from 'node:stream'
import t, { type Test } from 'tap'
import { parseScope } from '../../src/oauth/scope.ts'
import { createLogger } from '../../src/ops/logger.ts'
import * as apiKeys from '../../src/storage/api-keys.ts'
import { DATABASE_KINDS, type DatabaseKind } from '../support/database.ts'
import { approve, askForCode, poll, registerDevice } from '../support/device.ts'
import { build, PASSWORD } from '../support/gatehouse.ts'
import { startHostileUpstream } from '../support/hostile-upstream.ts'
import { dump, leaked } from '../support/leaks.ts'
import { authorizationRequest, postForm, postJson, REDIRECT_URI, register } from '../support/oauth.ts'
import { authorize, callbackOf, connect, refresh, signIn } from '../support/sign-in.ts'

const ALICE = 'alice@example.com'
const DAY = 24 * 60 * 60

async function scene(t: Test, kind: DatabaseKind) {
  const notes = await startHostileUpstream(t)
  const lines: string[] = []
  const destination = new Writable({
    write(chunk, _encoding, done) {
      lines.push(String(chunk))
      done()
    },
  })
  const upstream = { url: notes.url, headers: { 'x-api-key': 'canary-of-the-upstream' } }
  const env = { UPSTREAMS: JSON.stringify({ notes: upstream }) }
  const running = await build(t, {
    kind,
    env,
    overrides: { logger: createLogger({ level: 'trace', destination }) },
  })
  const alice = await running.createPerson(ALICE)
  return { ...running, notes, alice, log: () => lines.join('') }
}

function call(url: string, headers: Readonly<Record<string, string>>, args: object = {}) {
  const params = { name: 'read', arguments: args }
  return fetch(url, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
      ...headers,
    },
    body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params }),
  })
}

for (const kind of DATABASE_KINDS) {
  t.test(`what somebody proves themselves with is stored nowhere, and never logged (${kind})`, async (t) => {
    const { origin, db, log, browser, alice, notes } = await scene(t, kind)
    const desk = browser()
    const secrets: Record<string, string> = { password: PASSWORD, header: 'canary-of-the-upstream' }
    const keep = (name: string, secret: unknown) => {
      t.ok(typeof secret === 'string' && secret.length >= 8, `there is a ${name}`)
      secrets[name] = String(secret)
    }

    // A client with a secret, and a person who first mistypes, also in the wrong field.
    const client = await register(origin, { token_endpoint_auth_method: 'client_secret_post' })
    keep('client secret', client.client_secret)
    const request = authorizationRequest(origin, client.client_id)
    keep('verifier', request.verifier)
    const login = await desk.open(request.url)
    keep('mistyped password', 'canary-mistyped-password')
    await desk.submit(login, { email: ALICE, password: 'canary-mistyped-password' })
    keep('password in the wrong field', 'canary-typed-as-address')
    await desk.submit(login, { email: 'canary-typed-as-address', password: 'x' })
    const callback = await authorize(desk, request, ALICE)
    keep('code', callback.get('code'))
    for (const { value } of await desk.jar.getCookies(origin)) keep(`cookie ${value.slice(0, 4)}`, value)
    const exchange = {
      grant_type: 'authorization_code',
      client_id: client.client_id,
      code: secrets.code,
      redirect_uri: REDIRECT_URI,
    }
    const wrong = await postForm(`${origin}/token`, { ...exchange, client_secret: 'canary-wrong-secret' })
    keep('wrong client secret', 'canary-wrong-secret')
    t.equal(wrong.status, 401)
    const fields = { ...exchange, client_secret: client.client_secret, code_verifier: request.verifier }
    const tokens = await postForm(`${origin}/token`, fields)
    t.equal(tokens.status, 200)
    keep('access token', tokens.body.access_token)
    keep('refresh token', tokens.body.refresh_token)

    // Used well, and in every wrong place.
    const {
      accessToken,
      refreshToken,
      client: open,
    } = await connect(origin, desk, ALICE, {
      parameters: { scope: 'notes' },
    })
    keep('second access token', accessToken)
    keep('second refresh token', refreshToken)
    const renewed = await refresh(origin, open.client_id, refreshToken)
    keep('renewed refresh token', renewed.body.refresh_token)
    const mcp = `${origin}/mcp`
    const bearing = { authorization: `Bearer ${accessToken}` }
    t.equal((await call(mcp, bearing, { token: accessToken, text: 'canary-argument' })).status, 200)
    keep('argument', 'canary-argument')
    await call(`${mcp}/notes`, bearing)
    await call(`${mcp}?access_token=${accessToken}`, {})
    await call(`${mcp}?${accessToken}`, bearing)
    await call(mcp, { authorization: `Basic ${accessToken}` })
    await call(mcp, { authorization: `Bearer ${refreshToken}` })
    for (const name of [
      'mcp-session-id',
      'last-event-id',
      'mcp-name',
      'mcp-param-x',
      'cookie',
      'x-request-id',
    ])
      await call(mcp, { ...bearing, [name]: accessToken })
    await call(mcp, { ...bearing, origin: `https://${'canary-origin'}.example`, 'user-agent': accessToken })
    await postForm(`${origin}/token?refresh_token=${refreshToken}`, { grant_type: refreshToken })
    await postForm(`${origin}/revoke`, { token: accessToken, client_id: accessToken })
    await postForm(`${origin}/introspect`, { token: refreshToken })
    await postJson(`${origin}/register`, {
      redirect_uris: [REDIRECT_URI],
      scope: 7,
      client_secret: accessToken,
    })
    await fetch(`${origin}/register`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: `{"client_secret": "${accessToken}", `,
    })
    await fetch(`${origin}/authorize?code=${secrets.code}&token=${accessToken}`)

    // A device, an API key.
    const device = await registerDevice(origin)
    const asked = await askForCode(origin, device, { scope: 'notes' })
    keep('device code', asked.deviceCode)
    await approve(origin, desk, asked.userCode, ALICE)
    const given = await poll(origin, device, asked)
    keep('token of the device', given.body.access_token)
    const wish = { name: 'CI', userId: alice.id, scopes: parseScope('notes'), expiresInSeconds: DAY }
    const { key } = await apiKeys.create(db, wish)
    keep('API key', key)
    t.equal((await call(mcp, { authorization: `Bearer ${key}` })).status, 200)
    // A code that waits to be redeemed, and a sign-in that waits for consent.
    const waiting = authorizationRequest(origin, open.client_id, { prompt: 'consent' })
    const page = await signIn(desk, waiting.url, ALICE)
    keep('waiting code', callbackOf(await desk.submit(page, {}, 'allow')).get('code'))

    const tables = await dump(db)
    const written = log()
    t.match(tables, ALICE, 'what is searched is there')
    t.match(written, '"tool":"read"')
    t.same(leaked(tables, secrets), [], 'in no table')
    t.same(leaked(written, secrets), [], 'in no line of the log')
    const { header: _, argument: __, 'access token': ___, ...others } = secrets
    t.same(
      leaked(notes.raw(), { ...others, 'API key': key }),
      ['second access token'],
      'where a client put it',
    )
  })
}
