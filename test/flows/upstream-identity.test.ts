// Owns credentials that need nothing of a person: what Gatehouse says about them, and the tokens that servers give for it.

import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { decodeProtectedHeader } from 'jose'
import t, { type Test } from 'tap'
import { build, type Running } from '../support/gatehouse.ts'
import { callTool } from '../support/modern-call.ts'
import { claimsOf } from '../support/oauth.ts'
import { createOperatorClient } from '../support/operator-clients.ts'
import { connect } from '../support/sign-in.ts'
import { open } from '../support/upstream-login.ts'
import {
  EXCHANGE_CLIENT,
  startVerifyingUpstream,
  type VerifyingUpstream,
} from '../support/verifying-upstream.ts'

const ALICE = 'alice@example.com'
const BOB = 'bob@example.com'
const JWT_BEARER = 'urn:ietf:params:oauth:grant-type:jwt-bearer'

async function startBefore(t: Test, upstream: VerifyingUpstream, auth: object): Promise<Running> {
  const UPSTREAMS = JSON.stringify({ company: { url: upstream.url, auth } })
  const running = await build(t, { env: { UPSTREAMS } })
  await running.createPerson(ALICE)
  return running
}

async function tokenOf({ origin, browser }: Running, email = ALICE): Promise<string> {
  const { accessToken } = await connect(origin, browser(), email, { parameters: { scope: 'company' } })
  return accessToken
}

for (const [how, auth, header] of [
  ['as a bearer token', { type: 'identity' }, 'authorization'],
  ['in a header of its own', { type: 'identity', header: 'X-Person' }, 'x-person'],
] as const) {
  t.test(`an upstream learns from a signed statement who calls (${how}, ${header})`, async (t) => {
    const upstream = await startVerifyingUpstream(t)
    const running = await startBefore(t, upstream, auth)
    const { origin, createPerson } = running
    const bob = await createPerson(BOB)
    const [accessToken, bobs] = [await tokenOf(running), await tokenOf(running, BOB)]
    upstream.trust(origin, { upstream: 'https://another.example/mcp', tokens: '' })
    t.equal((await callTool(`${origin}/mcp`, accessToken, 'me')).status, 502, 'it is for nobody else')

    upstream.trust(origin, { upstream: upstream.url, tokens: '' })
    const answers = await Promise.all(
      Array.from({ length: 10 }, () => callTool(`${origin}/mcp`, accessToken, 'me')),
    )

    t.ok(answers.every(({ status, text }) => status === 200 && text.includes(ALICE)))
    const [statement = ''] = upstream.shown
    t.equal(new Set(upstream.shown).size, 1, 'one is made, and kept')
    t.not(statement, accessToken)
    const claims = claimsOf(statement)
    t.match(claims, { iss: origin, aud: upstream.url, email: ALICE, groups: [], jti: String })
    t.match(claimsOf(accessToken), { sub: claims.sub })
    t.equal(Number(claims.exp) - Number(claims.iat), 300)
    t.match(decodeProtectedHeader(statement), { alg: 'ES256', typ: 'JWT' })
    t.match(await callTool(`${origin}/mcp`, bobs, 'me'), { status: 200, text: new RegExp(bob.id) })
    t.equal((await callTool(`${origin}/mcp`, statement, 'me')).status, 401, 'with us it opens nothing')
  })
}

t.test(
  "a token of the upstream's server is had by exchange, once for concurrent calls, and again when it is refused",
  async (t) => {
    const upstream = await startVerifyingUpstream(t)
    const { id: client_id, secret: client_secret } = EXCHANGE_CLIENT
    const token_endpoint = `${upstream.origin}/token`
    const auth = {
      type: 'token-exchange',
      token_endpoint,
      client_id,
      client_secret,
      audience: 'company',
      scopes: 'a b',
    }
    const running = await startBefore(t, upstream, auth)
    const { origin, log } = running
    const accessToken = await tokenOf(running)
    const call = () => callTool(`${origin}/mcp`, accessToken, 'me')
    upstream.trust(origin, { upstream: 'nothing', tokens: 'https://another.example/token' })
    t.equal((await call()).status, 502)
    t.match(log(), 'gave no token: invalid_grant')

    upstream.trust(origin, { upstream: 'nothing', tokens: token_endpoint })
    await new Promise((resolve) => setTimeout(resolve, 1100))
    const before = upstream.asked.length
    const answers = await Promise.all(Array.from({ length: 10 }, call))

    t.ok(answers.every(({ status, text }) => status === 200 && text.includes(ALICE)))
    t.equal(upstream.asked.length - before, 1)
    t.match(Object.fromEntries(upstream.asked.at(-1)?.form ?? []), {
      grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
      subject_token_type: 'urn:ietf:params:oauth:token-type:jwt',
      audience: 'company',
      scope: 'a b',
    })
    upstream.forgetTokens()
    t.equal((await call()).status, 200, 'a new one is had for the one that is refused')
    t.equal(upstream.asked.length - before, 2)
    t.notMatch(log(), client_secret)
  },
)

t.test('a Gatehouse in front of another one is its identity provider', async (t) => {
  const file = join(t.testdir({}), 'upstreams.json')
  await writeFile(file, JSON.stringify({ nothing: { url: 'http://127.0.0.1:1/mcp' } }))
  const front = await build(t, { env: { UPSTREAMS_FILE: file } })
  await front.createPerson(ALICE)
  const inner = await build(t, {
    env: {
      TRUSTED_ISSUER_FRONT_ISSUER: front.origin,
      TRUSTED_ISSUER_FRONT_JWKS_URI: `${front.origin}/jwks`,
      TRUSTED_ISSUER_FRONT_CREATE_USERS: 'true',
    },
  })
  const { id: client_id, secret: client_secret } = await createOperatorClient(inner, { grants: [JWT_BEARER] })
  const write = async (issuer: string) => {
    const auth = { type: 'id-jag', issuer, client_id, client_secret }
    await writeFile(file, JSON.stringify({ company: { url: `${inner.origin}/mcp`, auth } }))
    front.reload()
  }
  await write('http://127.0.0.1:1')
  const accessToken = await tokenOf(front)
  const call = () => callTool(`${front.origin}/mcp`, accessToken, 'hello')
  t.equal((await call()).status, 502, 'nobody is there')

  await write(inner.origin)
  const answer = await call()

  t.equal(answer.status, 200, answer.text)
  const [created] = await inner.db.selectFrom('users').select('email').execute()
  t.equal(created?.email, ALICE, 'she is known there by her address, and saw no page')
  t.equal((await callTool(`${inner.origin}/mcp`, accessToken, 'hello')).status, 401, 'her own token is not')
})

t.test(
  'a key that a person pasted is sent in the configured header, and gone when they log out',
  async (t) => {
    const upstream = await startVerifyingUpstream(t)
    const auth = { type: 'api-key', header: 'X-Person', hint: 'Settings, then Keys' }
    const running = await startBefore(t, upstream, auth)
    const { origin, browser, log } = running
    const desk = browser()
    const key = 'planted-key-of-alice'
    upstream.allow(key)
    const { accessToken } = await connect(origin, desk, ALICE, { parameters: { scope: 'company' } })
    t.match((await callTool(`${origin}/mcp`, accessToken, 'me')).text, '/connect/company')
    const page = await open(origin, desk, '/connect/company')
    t.match(page.body, 'Settings, then Keys')
    t.equal(
      (await desk.submit(page, { key: 'two words' }, undefined, 'form[action="/connect/company"]')).status,
      422,
    )

    const done = await desk.submit(page, { key }, undefined, 'form[action="/connect/company"]')

    t.match(done.url, '/connect/-/done/company')
    t.equal(upstream.shown.length, 0)
    t.match(await callTool(`${origin}/mcp`, accessToken, 'me'), { status: 200, text: /who has the key/ })
    t.same([...new Set(upstream.shown)], [key])
    const again = await desk.open(`${origin}/connect/company`)
    t.notMatch(again.body, key)
    await desk.submit(again, {}, undefined, 'form[action="/connect/company/end"]')
    t.match((await callTool(`${origin}/mcp`, accessToken, 'me')).text, '/connect/company')
    t.notMatch(log(), key)
  },
)
