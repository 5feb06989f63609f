// Owns the proof that a character which no database keeps is refused like any other mistake, wherever it is sent (LG-11, DO-10).

import t from 'tap'
import { build } from '../support/gatehouse.ts'
import { authorizationRequest, postForm, postJson, register } from '../support/oauth.ts'
import { connect } from '../support/sign-in.ts'

const ALICE = 'alice@example.com'
const NUL = '\0'

t.test('a NUL in a request is no fault of this service', async (t) => {
  const { origin, browser, createPerson, log } = await build(t)
  await createPerson(ALICE)
  const desk = browser()
  const scope = 'openid demo:read'
  const { client } = await connect(origin, desk, ALICE, { parameters: { scope } })
  const client_id = client.client_id + NUL
  const resource = `${origin}/mcp${NUL}`

  t.match(await desk.open(authorizationRequest(origin, client_id).url), { status: 400 })
  const page = await desk.open(authorizationRequest(origin, client.client_id, { resource }).url)
  t.match(page.url, /error=invalid_target/)
  const asking = (nonce: string) => authorizationRequest(origin, client.client_id, { scope, nonce }).url
  t.match((await desk.open(asking(NUL))).url, /error=invalid_request&error_description=\S+NUL/)
  t.match((await desk.open(asking('n'))).url, /[?&]code=/)
  for (const [path, fields] of [
    ['/token', { grant_type: 'refresh_token', refresh_token: 'x' }],
    ['/token', { grant_type: 'authorization_code', code: NUL, code_verifier: 'v'.repeat(43) }],
    ['/revoke', { token: 'x' }],
    ['/introspect', { token: 'x' }],
    ['/par', { response_type: 'code' }],
    ['/device/code', {}],
  ] as const)
    t.match(await postForm(origin + path, { ...fields, client_id }), { status: /^40[01]$/ }, path)
  const device = { client_id: client.client_id, nonce: NUL }
  t.match(await postForm(`${origin}/device/code`, device), { status: 400 })
  const basic = { authorization: `Basic ${Buffer.from('%00:%00').toString('base64')}` }
  t.match(await postForm(`${origin}/token`, { grant_type: 'x' }, basic), { status: /^40[01]$/ })

  const account = await desk.open(`${origin}/account`)
  const form = account.document.querySelector('form')
  for (const [action, field] of [
    ['/account/apps/disconnect', 'client_id'],
    ['/account/sessions/end', 'session'],
    ['/account/keys/revoke', 'key'],
  ] as const) {
    form?.setAttribute('action', action)
    t.match(await desk.submit(account, { [field]: NUL }), { status: 200 }, action)
  }
  t.equal((await desk.open(`${origin}/connect/%00`)).status, 404)

  const keys = (kid: string) => ({
    redirect_uris: ['https://app.test/cb'],
    token_endpoint_auth_method: 'private_key_jwt',
    jwks: { keys: [{ kty: 'RSA', n: 'AQAB', e: 'AQAB', kid }] },
  })
  t.match(await postJson(`${origin}/register`, keys(NUL)), {
    status: 400,
    body: { error: 'invalid_client_metadata', error_description: /NUL/ },
  })
  t.match(await postJson(`${origin}/register`, keys('k1')), { status: 201 })
  t.type((await register(origin, { client_name: `a${NUL}b` })).client_id, 'string', 'what is only shown')
  t.notMatch(log(), /"level":50/)
})
