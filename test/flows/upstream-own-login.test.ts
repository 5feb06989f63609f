// Owns upstreams at which Gatehouse logs in as itself: with a secret, with a key, or with what its platform says it is.

import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { exportPKCS8, generateKeyPair } from 'jose'
import t, { type Test } from 'tap'
import { callMe } from '../support/calling-upstream.ts'
import { build, type Running } from '../support/gatehouse.ts'
import { callTool } from '../support/modern-call.ts'
import { assertedBy, type OwnLoginUpstream, startOwnLoginUpstream } from '../support/own-login-upstream.ts'
import { startReplica } from '../support/replica.ts'
import { connect } from '../support/sign-in.ts'
import { open } from '../support/upstream-login.ts'

const ALICE = 'alice@example.com'
const BOB = 'bob@example.com'
const GRANT = { type: 'oauth2', grant: 'client_credentials' }
const SECRET = 'planted secret+1'
/** RFC 6749 §2.3.1: form-encoded. */
const BASIC = `Basic ${btoa('gate%3Ahouse:planted+secret%2B1')}`
const CLIENT = { client_id: 'gate:house', client_secret: SECRET }
/** After a failure, until it is tried again. */
const PAUSE_MS = 2_100

async function startBefore(t: Test, upstream: OwnLoginUpstream, auth: object): Promise<Running> {
  const UPSTREAMS = JSON.stringify({ ledger: { url: upstream.url, auth } })
  const running = await build(t, { env: { UPSTREAMS } })
  for (const email of [ALICE, BOB]) await running.createPerson(email)
  return running
}

async function tokenOf({ origin, browser }: Running, email = ALICE): Promise<string> {
  const { accessToken } = await connect(origin, browser(), email, { parameters: { scope: 'ledger' } })
  return accessToken
}

function bySecret(seconds = 300) {
  return async ({ authorization }: { authorization: string | undefined }) =>
    authorization === BASIC ? seconds : null
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}

t.test(
  'one login of our own serves the calls of everybody, on every replica, until it is refused',
  async (t) => {
    const upstream = await startOwnLoginUpstream(t)
    const running = await startBefore(t, upstream, { ...GRANT, ...CLIENT })
    const { origin, browser, db, log } = running
    const other = await startReplica(t, running)
    upstream.letIn(bySecret())
    const desk = browser()
    const tokens = [await tokenOf(running), await tokenOf(running, BOB)]
    const places = [origin, `http://127.0.0.1:${other.port}`]
    const callAll = () =>
      Promise.all(tokens.flatMap((token) => places.map((at) => callMe(at, origin, token))))

    const answers = [...(await callAll()), ...(await callAll())]

    t.ok(
      answers.every(({ status, text }) => status === 200 && text.includes('you are Gatehouse')),
      `${answers[0]?.text}`,
    )
    t.equal(upstream.asked.length, 1)
    t.same(upstream.asked[0]?.form, {
      grant_type: 'client_credentials',
      scope: 'entries',
      resource: upstream.url,
    })
    t.equal(new Set(upstream.presented).size, 1)
    const [row] = await db.selectFrom('upstream_connections').select(['owner', 'state', 'sealed']).execute()
    t.match(row, { owner: 'everybody', state: 'connected' })
    t.notMatch(row?.sealed, SECRET)
    t.notMatch(
      (await open(origin, desk, '/account', ALICE)).body,
      '/connect/ledger',
      'there is nothing to log in at',
    )
    t.equal((await open(origin, desk, '/connect/ledger', ALICE)).status, 404)

    upstream.forgetTokens()
    t.ok(
      (await callAll()).every(({ status }) => status === 200),
      'another one is had for the one that is refused',
    )
    t.ok(upstream.asked.length <= 3, 'once, or once more by a replica that knew of the old one')
    t.notMatch(log(), SECRET)
  },
)

t.test('a token that is about to run out is not presented any more', async (t) => {
  const upstream = await startOwnLoginUpstream(t)
  const running = await startBefore(t, upstream, { ...GRANT, ...CLIENT })
  upstream.letIn(bySecret(20))
  const token = await tokenOf(running)
  const call = () => callTool(`${running.origin}/mcp`, token, 'me')
  t.equal((await call()).status, 200)
  upstream.letIn(bySecret(300))
  const before = upstream.asked.length
  t.equal((await call()).status, 200)
  t.equal(upstream.asked.length, before + 1)
  t.equal((await call()).status, 200)
  t.equal(upstream.asked.length, before + 1, 'that one lasts')
})

t.test('who is not let in learns why, and is let in once that is put right', async (t) => {
  const upstream = await startOwnLoginUpstream(t)
  const running = await startBefore(t, upstream, { ...GRANT, ...CLIENT })
  const { db, log } = running
  const token = await tokenOf(running)
  const call = () => callTool(`${running.origin}/mcp`, token, 'me')

  t.match(await call(), { status: 502, text: /refused Gatehouse's credentials/ })
  t.equal((await call()).status, 502)
  t.equal(upstream.asked.length, 1, 'it is not asked by every call')
  const state = () => db.selectFrom('upstream_connections').select(['state', 'why']).executeTakeFirst()
  t.match(await state(), { state: 'error', why: /does not let Gatehouse in: invalid_client\.$/ })
  t.match(log(), 'invalid_client')

  await pause(PAUSE_MS)
  upstream.letIn(bySecret())
  t.equal((await call()).status, 200)
  t.match(await state(), { state: 'connected', why: null })
  upstream.answerWith(503)
  t.equal((await call()).status, 200, 'a token that is good needs nobody')
})

t.test('a key says who we are, anew for each token', async (t) => {
  const upstream = await startOwnLoginUpstream(t)
  const { publicKey, privateKey } = await generateKeyPair('ES256', { extractable: true })
  const stranger = await generateKeyPair('ES256', { extractable: true })
  const auth = { ...GRANT, client_id: 'gatehouse', private_key_id: 'k1' }
  const pem = await exportPKCS8(privateKey)
  const running = await startBefore(t, upstream, { ...auth, private_key: pem.trim().replaceAll('\n', '\\n') })
  const token = await tokenOf(running)
  const call = () => callTool(`${running.origin}/mcp`, token, 'me')
  upstream.letIn(assertedBy(stranger.publicKey, upstream.origin))
  t.equal((await call()).status, 502, 'of another key')

  await pause(PAUSE_MS)
  upstream.letIn(assertedBy(publicKey, upstream.origin))
  t.equal((await call()).status, 200)
  upstream.forgetTokens()
  t.equal((await call()).status, 200)
  const [, first, second] = upstream.asked
  t.match(first?.form, { client_id: 'gatehouse', client_assertion_type: /jwt-bearer$/ })
  t.not(first?.form.client_assertion, second?.form.client_assertion)
  t.equal(first?.form.client_secret, undefined)
})

t.test('what a platform says of the workload is read when it is needed', async (t) => {
  const upstream = await startOwnLoginUpstream(t)
  const file = join(t.testdir({}), 'token')
  const auth = { type: 'oauth2', grant: 'jwt-bearer', client_id: 'workload', assertion_file: file }
  const running = await startBefore(t, upstream, auth)
  const token = await tokenOf(running)
  const call = () => callTool(`${running.origin}/mcp`, token, 'me')
  let good = 'first.of.platform'
  upstream.letIn(async ({ form }) => (form.assertion === good ? 300 : null))
  t.equal((await call()).status, 503, 'there is no file yet')
  t.equal(upstream.asked.length, 0)

  await writeFile(file, `${good}\n`)
  await pause(PAUSE_MS)
  t.equal((await call()).status, 200)
  good = 'second.of.platform'
  upstream.forgetTokens()
  await writeFile(file, good)
  t.equal((await call()).status, 200, 'the platform has written another one')
  t.match(upstream.asked[1]?.form, {
    grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer',
    assertion: good,
    client_id: 'workload',
    resource: upstream.url,
  })
})
