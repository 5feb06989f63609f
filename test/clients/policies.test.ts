// Owns the proofs of who may register: initial access tokens, allowed redirect hosts, allowed documents.

import t from 'tap'
import { clientDocuments, isAcceptableClientId } from '../../src/authorization-server/client-documents.ts'
import { isAllowedRedirect } from '../../src/authorization-server/redirect-uris.ts'
import * as tokens from '../../src/storage/initial-access-tokens.ts'
import { build } from '../support/gatehouse.ts'
import { getJson, postJson, register } from '../support/oauth.ts'

const CLIENT = { client_name: 'App', redirect_uris: ['https://app.example/cb'] }
const CONFIGURED = 'a-token-of-the-configuration'

const bearer = (token: string) => ({ authorization: `Bearer ${token}` })

t.test(
  'with REGISTRATION=token a token made by command opens registration as often as it says',
  async (t) => {
    const { origin, db } = await build(t, { env: { REGISTRATION: 'token' } })
    const post = (headers: Record<string, string>, metadata: object = CLIENT) =>
      postJson(`${origin}/register`, metadata, headers)
    const make = (uses: number | null, expiresInSeconds: number | null) =>
      tokens.create(db, { name: 'CI', uses, expiresInSeconds })

    const none = await post({})
    t.equal(none.status, 401)
    t.match(none.headers.get('www-authenticate'), /^Bearer /)
    t.match(none.body, { error: 'invalid_token' })

    const { token, stored } = await make(2, 60)
    t.equal((await post(bearer(token), { ...CLIENT, redirect_uris: ['http://evil.example/cb'] })).status, 400)
    t.equal((await post(bearer(token))).status, 201, 'a refused registration cost no use')
    t.equal((await post(bearer(token))).status, 201)
    t.equal((await post(bearer(token))).status, 401)
    t.match(await tokens.list(db), [{ id: stored.id, usesLeft: 0, lastUsedAt: Date }])

    t.equal((await post(bearer((await make(1, 0)).token))).status, 401, 'expired')
    const unlimited = await make(null, null)
    for (let n = 0; n < 3; n++) t.equal((await post(bearer(unlimited.token))).status, 201)
    await tokens.revoke(db, unlimited.stored.id)
    t.equal((await post(bearer(unlimited.token))).status, 401, 'revoked')
    t.equal((await post(bearer(CONFIGURED))).status, 401)
  },
)

t.test('of many registrations at once with one token, as many succeed as it has uses', async (t) => {
  const { origin, db } = await build(t, { env: { REGISTRATION: 'token' } })
  const { token } = await tokens.create(db, { name: 'CI', uses: 3, expiresInSeconds: 60 })
  const answers = await Promise.all(
    Array.from({ length: 12 }, () => postJson(`${origin}/register`, CLIENT, bearer(token))),
  )
  t.equal(answers.filter(({ status }) => status === 201).length, 3)
  t.equal(answers.filter(({ status }) => status === 401).length, 9)
})

t.test('where nobody registers, who tries is told what to do instead', async (t) => {
  for (const [REGISTRATION, instead] of [
    ['cimd', /metadata document/],
    ['off', /Whoever runs this service/],
  ] as const) {
    const { origin } = await build(t, { env: { REGISTRATION } })
    const { status, headers, body } = await postJson(`${origin}/register`, CLIENT)
    t.match({ status, body }, { status: 403, body: { error: 'access_denied', error_description: instead } })
    t.equal(headers.get('access-control-allow-origin'), '*', 'also a client in a browser')
    const metadata = (await getJson(`${origin}/.well-known/oauth-authorization-server`)).body
    t.notOk('registration_endpoint' in metadata)
  }
  const { origin } = await build(t)
  t.equal((await postJson(`${origin}/register`, CLIENT)).status, 201)
})

t.test('a token of the configuration still opens registration', async (t) => {
  const { origin } = await build(t, { env: { REGISTRATION: 'token', INITIAL_ACCESS_TOKENS: CONFIGURED } })
  t.equal((await postJson(`${origin}/register`, CLIENT, bearer(CONFIGURED))).status, 201)
  t.equal((await postJson(`${origin}/register`, CLIENT, bearer(`${CONFIGURED}x`))).status, 401)
})

t.test('codes go only where ALLOWED_REDIRECT_HOSTS lets them go', async (t) => {
  const { origin } = await build(t, { env: { ALLOWED_REDIRECT_HOSTS: 'claude.ai,localhost,wild:' } })
  const redirects = [
    'https://claude.ai/cb',
    'http://127.0.0.1:3000/cb',
    'wild://cb',
    'https://other.example/cb',
  ]
  const { redirect_uris } = await register(origin, { redirect_uris: redirects })
  t.same(redirect_uris, redirects.slice(0, 3))
  const refused = await postJson(`${origin}/register`, { redirect_uris: redirects.slice(3) })
  t.equal(refused.status, 400)
  t.match(refused.body, { error: 'invalid_redirect_uri', error_description: /allowed here/ })
})

const HOSTS = ['app.example', '*.team.example', 'localhost', 'cursor:']
const ALLOWED = [
  'https://app.example/cb',
  'https://app.example:8443/cb',
  'https://a.team.example/cb',
  'https://a.b.team.example/cb',
  'http://localhost:3000/cb',
  'http://[::1]/cb',
  'cursor://x/cb',
]
const NOT_ALLOWED = [
  'https://b.app.example/cb',
  'https://app.example.evil/cb',
  'https://team.example/cb',
  'https://evilteam.example/cb',
  'https://cursor/cb',
  'zed://x/cb',
]
t.test('a host means itself, a wildcard what is below it, localhost every loopback address', async (t) => {
  for (const uri of ALLOWED) t.ok(isAllowedRedirect(uri, HOSTS), uri)
  for (const uri of NOT_ALLOWED) t.notOk(isAllowedRedirect(uri, HOSTS), uri)
  t.notOk(isAllowedRedirect('http://127.0.0.1/cb', ['app.example']), 'loopback has to be named')
})

t.test('documents come only from ALLOWED_CLIENT_DOMAINS', async (t) => {
  const { origin } = await build(t, { env: { ALLOWED_CLIENT_DOMAINS: 'nowhere.invalid' } })
  const url = (id: string) =>
    `${origin}/authorize?${new URLSearchParams({ client_id: id, response_type: 'code', redirect_uri: 'https://x.test' })}`
  const answer = await fetch(url('https://claude.ai/client.json'), { redirect: 'manual' })
  t.equal(answer.status, 400)
  const rules = { publicUrl: origin, domains: ['claude.ai'] }
  t.ok(isAcceptableClientId('https://claude.ai/client.json', rules))
  t.ok(isAcceptableClientId('https://app.claude.ai/client.json', rules))
  t.notOk(isAcceptableClientId('https://notclaude.ai/client.json', rules))
  t.ok(clientDocuments(rules).enabled)
})
