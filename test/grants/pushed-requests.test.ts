// Owns pushed authorization requests (RFC 9126): the same rules as at the front door, and each one good once.

import * as client from 'openid-client'
import t from 'tap'
import { build } from '../support/gatehouse.ts'
import { authorizationRequest, claimsOf, postForm, register } from '../support/oauth.ts'
import { discover } from '../support/operator-clients.ts'
import { authorize, callbackOf, redeem, signIn } from '../support/sign-in.ts'

const ALICE = 'alice@example.com'

/** The parameters of a good authorization request. */
function parametersOf(origin: string, clientId: string, more: Record<string, string | undefined> = {}) {
  const { url, verifier, state } = authorizationRequest(origin, clientId, more)
  return { verifier, state, fields: Object.fromEntries(new URL(url).searchParams) }
}

t.test('a client pushes its request and sends the person with a reference', async (t) => {
  const { origin, browser, createPerson } = await build(t)
  await createPerson(ALICE)
  const app = await register(origin)
  const configuration = await discover(origin, app.client_id)
  const { verifier, state, fields } = parametersOf(origin, app.client_id)

  const url = await client.buildAuthorizationUrlWithPAR(configuration, fields)

  t.same([...url.searchParams.keys()].toSorted(), ['client_id', 'request_uri'])
  const callback = await authorize(browser(), { url: url.href, verifier, state }, ALICE)
  t.equal(callback.get('state'), state)
  t.equal(callback.get('iss'), origin)
  const { body } = await redeem(origin, { client: app, code: callback.get('code') ?? '', verifier })
  t.match(
    claimsOf(body.access_token),
    { aud: `${origin}/mcp`, scope: 'demo:read' },
    'the default scope holds',
  )
})

t.test('a pushed request leads to one code', async (t) => {
  const { origin, browser, createPerson } = await build(t)
  await createPerson(ALICE)
  const { client_id } = await register(origin)
  const { verifier, state, fields } = parametersOf(origin, client_id)
  const { body } = await postForm(`${origin}/par`, fields)
  const url = `${origin}/authorize?${new URLSearchParams({ client_id, request_uri: String(body.request_uri) })}`
  const alice = browser()

  const first = await authorize(alice, { url, verifier, state }, ALICE)
  t.ok(first.has('code'))
  const second = callbackOf(await signIn(alice, url, ALICE))
  t.notOk(second.has('code'))
  t.equal(second.get('error'), 'invalid_request_uri')
})

t.test('what is refused at the front door is refused here', async (t) => {
  const { origin } = await build(t)
  const { client_id } = await register(origin)
  const push = (more: Record<string, string | undefined>) =>
    postForm(`${origin}/par`, parametersOf(origin, client_id, more).fields)

  t.match(await push({ resource: 'https://bank.example/' }), {
    status: 400,
    body: { error: 'invalid_target' },
  })
  t.match(await push({ redirect_uri: 'https://evil.test/cb' }), {
    status: 400,
    body: { error: 'invalid_request' },
  })
  t.match(await push({ code_challenge: undefined, code_challenge_method: undefined }), {
    status: 400,
    body: { error: 'invalid_request' },
  })
  t.match(await push({ code_challenge_method: 'plain' }), { status: 400, body: { error: 'invalid_request' } })
  t.match(await push({ response_type: 'token' }), { status: 400 })
  t.match(await push({ request_uri: 'urn:ietf:params:oauth:request_uri:x' }), { status: 400 })
  t.match(await push({ client_id: 'nobody' }), { status: 401, body: { error: 'invalid_client' } })

  const { fields } = parametersOf(origin, client_id)
  const body = new URLSearchParams(fields)
  body.append('resource', `${origin}/mcp/demo`)
  const several = await fetch(`${origin}/par`, { method: 'POST', body })
  t.equal(several.status, 400)
  t.match(await several.json(), { error: 'invalid_target' })

  t.match(await push({}), {
    status: 201,
    body: { expires_in: 60, request_uri: /^urn:ietf:params:oauth:request_uri:/ },
  })
})

t.test("a reference is its client's alone, and unknown ones lead nowhere", async (t) => {
  const { origin, browser, createPerson } = await build(t)
  await createPerson(ALICE)
  const app = await register(origin, { client_name: 'App' })
  const other = await register(origin, { client_name: 'Other' })
  const { body } = await postForm(`${origin}/par`, parametersOf(origin, app.client_id).fields)
  const open = (client_id: string, request_uri: string) =>
    signIn(browser(), `${origin}/authorize?${new URLSearchParams({ client_id, request_uri })}`, ALICE)

  const errorOf = async (client_id: string, request_uri: string) =>
    callbackOf(await open(client_id, request_uri)).get('error')

  t.equal(await errorOf(other.client_id, String(body.request_uri)), 'invalid_request_object')
  t.equal(await errorOf(app.client_id, 'urn:ietf:params:oauth:request_uri:unknown'), 'invalid_request_uri')
  t.equal(await errorOf(app.client_id, 'https://evil.test/request.jwt'), 'request_uri_not_supported')
  t.match((await open(app.client_id, String(body.request_uri))).url, '/consent/')
})

t.test('a client that has to push is not let in without', async (t) => {
  const { origin, browser } = await build(t)
  const { client_id } = await register(origin, { require_pushed_authorization_requests: true })
  const { url } = authorizationRequest(origin, client_id)
  const page = await browser().open(url)
  t.notMatch(page.url, '/login/')
  t.match(new URL(page.url).searchParams.get('error') ?? page.body, 'invalid_request')
  t.match(await postForm(`${origin}/par`, parametersOf(origin, client_id).fields), { status: 201 })
})
