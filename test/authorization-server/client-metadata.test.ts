// Owns the proofs that real clients can register with oidc-provider under our rules, and that dangerous ones cannot.

import t, { type Test } from 'tap'
import { startMinimalProvider } from '../support/minimal-provider.ts'
import { type Answer, authorizationRequest, postJson } from '../support/oauth.ts'
import { REGISTERING_CLIENTS } from '../support/real-clients.ts'

const REDIRECT_URI = 'https://app.test/cb'
const CLIENT = { client_name: 'App', redirect_uris: [REDIRECT_URI] }

let origin = ''
t.before(async () => {
  const server = await startMinimalProvider()
  origin = server.origin
  t.teardown(() => server.close())
})

const register = (metadata: object) => postJson(`${origin}/register`, { ...CLIENT, ...metadata })

async function registerRaw(body: string | Buffer, contentType = 'application/json'): Promise<Answer> {
  const response = await fetch(`${origin}/register`, {
    method: 'POST',
    headers: { 'content-type': contentType },
    body,
  })
  const answer: unknown = await response.json()
  return { status: response.status, headers: response.headers, body: { ...(answer ?? {}) } }
}

async function authorize(clientId: unknown, redirectUri: string): Promise<Response> {
  const { url } = authorizationRequest(origin, String(clientId), {
    redirect_uri: redirectUri,
    resource: undefined,
    scope: 'openid',
  })
  return fetch(url, { redirect: 'manual' })
}

/** Registration refused with this error, while the same client without the bad member is accepted. */
async function refuses(t: Test, metadata: object, error: string, description: RegExp): Promise<void> {
  const answer = await register(metadata)
  t.equal(answer.status, 400)
  t.equal(answer.body.error, error)
  t.match(answer.body.error_description, description)
  t.equal((await register({})).status, 201)
}

const nulls = (value: unknown): boolean =>
  value === null || (typeof value === 'object' && Object.values(value ?? {}).some(nulls))

for (const { name, metadata, redirectUri, effective } of REGISTERING_CLIENTS) {
  t.test(`${name} registers and reaches the login page`, async (t) => {
    const { status, body } = await postJson(`${origin}/register`, metadata)
    t.equal(status, 201)
    t.match(body, effective)
    t.same(body.redirect_uris, metadata.redirect_uris)
    t.same(body.response_types, ['code'])
    t.equal(body.client_name, metadata.client_name)
    t.equal('scope' in body, false)
    t.equal(nulls(body), false, 'nothing is null')
    t.equal('client_secret' in body, effective.token_endpoint_auth_method.startsWith('client_secret'))
    t.equal(body.client_secret_expires_at, 'client_secret' in body ? 0 : undefined)

    const response = await authorize(body.client_id, redirectUri)
    t.equal(response.status, 303)
    t.match(response.headers.get('location'), /^\/interaction\//)
    t.equal((await authorize(body.client_id, 'https://evil.test/cb')).status, 400)
  })
}

t.test('a web client has no freedom of ports', async (t) => {
  const { body } = await register({ redirect_uris: ['https://app.test:8443/cb'] })
  t.equal((await authorize(body.client_id, 'https://app.test:8443/cb')).status, 303)
  t.equal((await authorize(body.client_id, 'https://app.test:9443/cb')).status, 400)
})

t.test('a loopback client has it, and no other', async (t) => {
  const { body } = await register({ redirect_uris: ['http://127.0.0.1/cb'], application_type: 'web' })
  t.equal(body.application_type, 'native')
  t.equal((await authorize(body.client_id, 'http://127.0.0.1:50000/cb')).status, 303)
  t.equal((await authorize(body.client_id, 'http://127.0.0.1:50000/other')).status, 400)
  t.equal((await authorize(body.client_id, 'http://localhost:50000/cb')).status, 400)
  t.equal((await authorize(body.client_id, 'https://127.0.0.1:50000/cb')).status, 400)
})

t.test('a redirect URI is compared byte for byte', async (t) => {
  const { body } = await register({})
  t.equal((await authorize(body.client_id, REDIRECT_URI)).status, 303)
  for (const other of [
    'https://APP.test/cb',
    'https://app.test:443/cb',
    'https://app.test/cb/',
    'https://app.test/%63b',
    'HTTPS://app.test/cb',
    'https://app.test/cb?x',
  ]) {
    t.equal((await authorize(body.client_id, other)).status, 400, other)
  }
})

const DANGEROUS_URIS = [
  'http://evil.test/cb',
  'https://claude.ai@evil.test/cb',
  'https://cl\u0430ude.ai/cb',
  'https://a.test/cb\r\nSet-Cookie: x=1',
  'https://a.test/cb#x',
  'https://*.a.test/cb',
  'javascript:alert(1)',
  'JaVa\tScript:alert(1)',
  'data:text/html,x',
  'view-source:https://a.test/',
  'ms-officecmd:x',
]

for (const uri of DANGEROUS_URIS) {
  t.test(`one dangerous redirect URI fails the registration: ${JSON.stringify(uri)}`, async (t) => {
    await refuses(t, { redirect_uris: [uri] }, 'invalid_redirect_uri', /^redirect_uris\[0\] must /)
    await refuses(
      t,
      { redirect_uris: [REDIRECT_URI, uri] },
      'invalid_redirect_uri',
      /^redirect_uris\[1\] must /,
    )
  })
}

t.test('an answer never repeats what was sent', async (t) => {
  const { body } = await register({ redirect_uris: ['javascript:alert("canary")'] })
  t.notMatch(JSON.stringify(body), /canary|alert/)
})

t.test('a redirect URI of an unknown scheme is left out, and not enough alone', async (t) => {
  const { status, body } = await register({ redirect_uris: ['myapp://cb', REDIRECT_URI] })
  t.equal(status, 201)
  t.same(body.redirect_uris, [REDIRECT_URI])
  await refuses(t, { redirect_uris: ['myapp://cb'] }, 'invalid_redirect_uri', /reverse-domain/)
  t.equal((await register({ redirect_uris: ['com.example.app:/cb'] })).status, 201)
})

t.test('ten redirect URIs are enough for anybody', async (t) => {
  const uris = Array.from({ length: 10 }, (_, index) => `https://app.test/${index}`)
  t.equal((await register({ redirect_uris: uris })).status, 201)
  await refuses(t, { redirect_uris: [...uris, REDIRECT_URI] }, 'invalid_redirect_uri', /more than 10/)
})

t.test('redirect URIs must be a list with something in it', async (t) => {
  for (const redirect_uris of [REDIRECT_URI, { 0: REDIRECT_URI }, 7]) {
    await refuses(t, { redirect_uris }, 'invalid_redirect_uri', /must be an array/)
  }
  for (const redirect_uris of [[], null, '', [''], [null]]) {
    await refuses(t, { redirect_uris }, 'invalid_redirect_uri', /redirect_uris/)
  }
  const { status, body } = await register({
    redirect_uris: ['', REDIRECT_URI, null],
    post_logout_redirect_uris: [''],
  })
  t.equal(status, 201, 'what is empty in a list is absent too')
  t.same(body.redirect_uris, [REDIRECT_URI])
})

t.test('https on a loopback host is a web client in development', async (t) => {
  const { status, body } = await register({
    redirect_uris: ['https://localhost:3000/cb'],
    application_type: 'native',
  })
  t.equal(status, 201)
  t.equal(body.application_type, 'web')
})

const NAMES = [
  ['Claude', 'Claude'],
  ['Claude\u202e', 'Claude'],
  ['\u200bCla\u200dude\u0000', 'Claude'],
  ['  Two \n words ', 'Two words'],
  ['Zażółć 日本 🦉', 'Zażółć 日本 🦉'],
  ['✅ Claude ✔️ 🔒 verified 🛡️', 'Claude verified'],
  ['Claude\u20dd\u20e3 ☑', 'Claude'],
  ['🔒⚠️', 'app.test'],
  ['x'.repeat(40_00), `${'x'.repeat(79)}…`],
  ['\u2066\u3164\u2069', 'app.test'],
  [undefined, 'app.test'],
  [null, 'app.test'],
  ['', 'app.test'],
] as const

for (const [given, shown] of NAMES) {
  t.test(`the name ${JSON.stringify(given)?.slice(0, 40)} becomes ${shown.slice(0, 20)}`, async (t) => {
    const { status, body } = await register({ client_name: given })
    t.equal(status, 201)
    t.equal(body.client_name, shown)
  })
}

t.test('a client without a name is called after where its codes go', async (t) => {
  const nameFor = async (uri: string) =>
    (await register({ client_name: undefined, redirect_uris: [uri] })).body.client_name
  t.equal(await nameFor('http://127.0.0.1:8080/cb'), '127.0.0.1')
  t.equal(await nameFor('cursor://anysphere.cursor-mcp/oauth/callback'), 'cursor')
})

t.test('a name that is no text is refused', async (t) => {
  await refuses(t, { client_name: { en: 'x' } }, 'invalid_client_metadata', /client_name/)
})

t.test('identifiers and secrets are ours to choose', async (t) => {
  const chosen = {
    client_id: 'admin',
    client_secret: 'x',
    client_secret_expires_at: 5,
    client_id_issued_at: 1,
    registration_access_token: 'y',
    registration_client_uri: 'https://evil.test/',
  }
  const open = await register(chosen)
  t.equal(open.status, 201)
  t.not(open.body.client_id, 'admin')
  t.notMatch(Object.keys(open.body), /secret|registration_/)
  t.ok(Number(open.body.client_id_issued_at) > 1)

  const confidential = await register({ ...chosen, token_endpoint_auth_method: 'client_secret_basic' })
  t.match(confidential.body.client_secret, /^[A-Za-z0-9._~-]{32,}$/)
  t.equal(confidential.body.client_secret_expires_at, 0)
})

t.test('grants that are not offered are left out of the registration', async (t) => {
  const { status, body } = await register({
    grant_types: [
      'authorization_code',
      'refresh_token',
      'implicit',
      'password',
      'client_credentials',
      'urn:x',
    ],
    response_types: ['code', 'token', 'id_token'],
  })
  t.equal(status, 201)
  t.same(body.grant_types, ['authorization_code', 'refresh_token'])
  t.same(body.response_types, ['code'])
})

t.test('a client that only wants what is not offered is refused', async (t) => {
  const asked = { grant_types: ['implicit'], response_types: ['token'] }
  await refuses(t, asked, 'invalid_client_metadata', /grant_types has nothing .* authorization_code/)
  await refuses(
    t,
    { grant_types: ['client_credentials'] },
    'invalid_client_metadata',
    /grant_types has nothing/,
  )
})

t.test('refresh_token alone comes with the code it needs', async (t) => {
  const { body } = await register({ grant_types: ['refresh_token'] })
  t.same(new Set(Array.from(Object(body.grant_types))), new Set(['refresh_token', 'authorization_code']))
})

t.test('what a client gets that says nothing', async (t) => {
  const { body } = await register({})
  t.match(body, {
    token_endpoint_auth_method: 'none',
    grant_types: ['authorization_code', 'refresh_token'],
    response_types: ['code'],
    application_type: 'web',
    id_token_signed_response_alg: 'ES256',
  })
  for (const nothing of [null, '', []]) {
    const { grant_types } = (await register({ grant_types: nothing, response_types: nothing })).body
    t.same(grant_types, ['authorization_code', 'refresh_token'], JSON.stringify(nothing))
  }
  t.same((await register({ grant_types: ['authorization_code'] })).body.grant_types, ['authorization_code'])
})

t.test('an algorithm that our keys do not sign with is replaced', async (t) => {
  for (const alg of ['RS256', 'HS256', 'none']) {
    const { status, body } = await register({ id_token_signed_response_alg: alg })
    t.equal(status, 201)
    t.equal(body.id_token_signed_response_alg, 'ES256')
    t.equal('client_secret' in body, false)
  }
})

t.test('an authentication method that is not offered is refused', async (t) => {
  for (const token_endpoint_auth_method of ['client_secret_jwt', 'tls_client_auth', 'x', 7]) {
    await refuses(t, { token_endpoint_auth_method }, 'invalid_client_metadata', /token_endpoint_auth_method/)
  }
})

const UNFETCHABLE = [
  'http://169.254.169.254/keys',
  'http://app.test/keys',
  'https://169.254.169.254/keys',
  'https://127.0.0.1:1/keys',
  'https://10.0.0.5/keys',
  'https://[::1]/keys',
  'https://localhost/keys',
  'https://2130706433/keys',
  'https://app.test:8443/keys',
  'https://me@app.test/keys',
  'https://gate.test/jwks',
  'file:///etc/passwd',
  7,
]

for (const jwks_uri of UNFETCHABLE) {
  t.test(`keys are not fetched from ${jwks_uri}`, async (t) => {
    const signing = { token_endpoint_auth_method: 'private_key_jwt' }
    await refuses(t, { ...signing, jwks_uri }, 'invalid_client_metadata', /jwks_uri must be an https URL/)
    t.equal((await register({ ...signing, jwks_uri: 'https://app.test/keys' })).status, 201)
    // Whoever does not sign has no keys to be fetched.
    const { status, body } = await register({ jwks_uri })
    t.equal(status, 201)
    t.equal('jwks_uri' in body, false)
  })
}

t.test(
  'nothing else that the server would fetch or show is taken over unless it is plain https',
  async (t) => {
    const members = ['client_uri', 'logo_uri', 'policy_uri', 'tos_uri', 'initiate_login_uri']
    const all = (value: unknown) => Object.fromEntries(members.map((member) => [member, value]))
    for (const bad of [
      'http://169.254.169.254/',
      'javascript:alert(1)',
      'https://me@app.test/',
      'x',
      7,
      {},
      `https://a.test/${'a'.repeat(2000)}`,
    ]) {
      const { status, body } = await register(all(bad))
      t.equal(status, 201)
      t.notMatch(Object.keys(body), /_uri$/)
    }
    t.match((await register(all('https://app.test/x'))).body, all('https://app.test/x'))

    const ignored = {
      sector_identifier_uri: 'https://app.test/x',
      request_uris: ['https://app.test/x'],
      backchannel_logout_uri: 'https://app.test/x',
    }
    const { status, body } = await register(ignored)
    t.equal(status, 201)
    for (const member of Object.keys(ignored)) t.equal(member in body, false)
  },
)

t.test('where people return after signing out obeys the rule of redirect URIs', async (t) => {
  const good = await register({ post_logout_redirect_uris: ['https://app.test/bye'] })
  t.same(good.body.post_logout_redirect_uris, ['https://app.test/bye'])
  const bad = await register({ post_logout_redirect_uris: ['javascript:alert(1)'] })
  t.match(bad, { status: 400, body: { error: 'invalid_client_metadata' } })
})

t.test('contacts that are no addresses are left out', async (t) => {
  const { status, body } = await register({ contacts: ['me@app.test', 'nobody', 7, '<x>@y'] })
  t.equal(status, 201)
  t.same(body.contacts, ['me@app.test'])
  t.equal('contacts' in (await register({ contacts: 'me@app.test' })).body, false)
})

t.test('members that nobody knows, and localised ones, are left out', async (t) => {
  const { status, body } = await register({
    'client_name#ja': '<script>',
    x_custom: { a: 1 },
    subject_type: 'pairwise',
  })
  t.equal(status, 201)
  t.equal(
    Object.keys(body).some((name) => /#|x_custom|\$/.test(name)),
    false,
  )
  t.equal(body.subject_type, 'public')
})

t.test('a software statement is not approved', async (t) => {
  const software_statement = 'eyJhbGciOiJub25lIn0.eyJzb2Z0d2FyZV9pZCI6IngifQ.'
  await refuses(t, { software_statement }, 'unapproved_software_statement', /register without one/)
})

const AMBIGUOUS: readonly (readonly [string, string | Buffer, string?])[] = [
  ['a name twice', `{"redirect_uris":["${REDIRECT_URI}"],"redirect_uris":["https://evil.test/"]}`],
  [
    'a name twice, once escaped',
    `{"redirect_uris":["${REDIRECT_URI}"],"redirect_uri\\u0073":["https://evil.test/"]}`,
  ],
  [
    'a name twice further in',
    `{"redirect_uris":["${REDIRECT_URI}"],"jwks":{"keys":[{"kty":"EC","kty":"RSA"}]}}`,
  ],
  ['a byte order mark', `\ufeff{"redirect_uris":["${REDIRECT_URI}"]}`],
  ['something after the end', `{"redirect_uris":["${REDIRECT_URI}"]}x`],
  ['bytes that are no UTF-8', Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d])],
  ['a reserved name', `{"redirect_uris":["${REDIRECT_URI}"],"__proto__":{"isAdmin":1}}`],
  ['a reserved name, escaped', `{"redirect_uris":["${REDIRECT_URI}"],"\\u005f_proto__":{"isAdmin":1}}`],
  [
    'a reserved name further in',
    `{"redirect_uris":["${REDIRECT_URI}"],"jwks":{"constructor":{"prototype":{}}}}`,
  ],
  ['a list', '[]'],
  ['a string', '"x"'],
  ['null', 'null'],
  ['nothing', ''],
  ['a form', `redirect_uris=${REDIRECT_URI}`, 'application/x-www-form-urlencoded'],
  ['JSON as text', JSON.stringify(CLIENT), 'text/plain'],
  ['another encoding', JSON.stringify(CLIENT), 'application/json; charset=utf-7'],
  ['another kind of JSON', JSON.stringify(CLIENT), 'application/json-seq'],
  ['too much', JSON.stringify({ ...CLIENT, x: 'x'.repeat(16 * 1024) })],
  ['too deep', JSON.stringify({ ...CLIENT, x: JSON.parse(`${'['.repeat(20)}${']'.repeat(20)}`) })],
  ['far too deep', `{"x":${'['.repeat(8000)}${']'.repeat(8000)}}`],
]

for (const [what, body, contentType] of AMBIGUOUS) {
  t.test(`a body with one meaning is needed: ${what}`, async (t) => {
    const answer = await registerRaw(body, contentType)
    t.equal(answer.status, 400)
    t.equal(answer.body.error, 'invalid_client_metadata')
    t.match(answer.body.error_description, /^the registration request (must|has)/)
    t.equal('isAdmin' in {}, false)
  })
}

t.test('a plain body is registered, whatever its charset parameter looks like', async (t) => {
  for (const type of [
    'application/json',
    'application/json; charset=utf-8',
    'Application/JSON;charset="UTF-8"',
  ]) {
    t.equal((await registerRaw(JSON.stringify(CLIENT), type)).status, 201)
  }
  const same = { ...CLIENT, jwks: { keys: [{ kty: 'EC' }, { kty: 'EC' }] }, x: '{"a":1,"a":2}:\\"' }
  t.equal((await registerRaw(JSON.stringify(same))).status, 201)
})

t.test('a connection can be used again after a registration', async (t) => {
  const { Agent } = await import('undici')
  const dispatcher = new Agent({ connections: 1, pipelining: 1 })
  t.teardown(() => dispatcher.close())
  for (let round = 0; round < 3; round += 1) {
    const { statusCode, body } = await dispatcher.request({
      origin,
      path: '/register',
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(CLIENT),
    })
    await body.dump()
    t.equal(statusCode, 201)
  }
})

t.test('a client that was registered is found again as it was', async (t) => {
  const { body } = await register({ redirect_uris: ['http://localhost/cb', REDIRECT_URI] })
  t.equal((await authorize(body.client_id, 'http://localhost:40000/cb')).status, 303)
  t.equal((await authorize(body.client_id, REDIRECT_URI)).status, 303)
})
