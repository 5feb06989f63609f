// Owns Enterprise-Managed Authorization on the wire: an identity provider's assertion instead of consent (ID-JAG).

import { generateKeyPair, SignJWT } from 'jose'
import * as client from 'openid-client'
import t from 'tap'
import { createOutboundFetch } from '../../src/http/outbound.ts'
import { callWith } from '../support/calling.ts'
import type { Teardown } from '../support/database.ts'
import { reaching, serving, startDocumentServer } from '../support/documents.ts'
import { build, createPerson, type Running } from '../support/gatehouse.ts'
import { type IdentityProvider, startIdentityProvider } from '../support/identity-provider.ts'
import { type Answer, claimsOf, getJson, postForm, register } from '../support/oauth.ts'
import { createOperatorClient, type OperatorClient } from '../support/operator-clients.ts'

const ALICE = 'alice@acme.example'
const GRANT = 'urn:ietf:params:oauth:grant-type:jwt-bearer'

type Claims = Readonly<Record<string, unknown>>

interface Scene {
  readonly idp: IdentityProvider
  readonly running: Running
  readonly app: OperatorClient
  /** For Alice, the app, and reading at `/mcp`, but for what the claims and the header say. */
  readonly assert: (claims?: Claims, header?: Claims) => Promise<string>
  readonly redeem: (assertion: string, fields?: Record<string, string>) => Promise<Answer>
}

async function setScene(t: Teardown, variables: Claims = {}): Promise<Scene> {
  const idp = await startIdentityProvider(t, variables)
  const running = await build(t, { env: idp.env })
  const app = await createOperatorClient(running, { grants: [GRANT] })
  const { origin } = running
  const standing = { aud: origin, client_id: app.id, resource: `${origin}/mcp`, scope: 'demo', email: ALICE }
  return {
    idp,
    running,
    app,
    assert: (claims, header) => idp.assert({ ...standing, ...claims }, header),
    redeem: (assertion, fields = {}) =>
      postForm(`${origin}/token`, { grant_type: GRANT, assertion, ...fields }, app.basic),
  }
}

t.test('an assertion about somebody who is here is redeemed for a token, without a page', async (t) => {
  const { running, app, assert } = await setScene(t)
  const { origin, db } = running
  const alice = await createPerson(db, ALICE)

  const tokens = await client.genericGrantRequest(app.configuration, GRANT, {
    assertion: await assert(),
    scope: 'demo:read',
  })

  t.match(tokens, { token_type: 'bearer', scope: 'demo:read' })
  t.notOk('refresh_token' in tokens)
  t.match(claimsOf(tokens.access_token), {
    sub: alice.id,
    client_id: app.id,
    aud: `${origin}/mcp`,
    scope: 'demo:read',
  })
  t.equal(await callWith(`${origin}/mcp`, tokens.access_token), 200)
  t.match(await getJson(`${origin}/.well-known/oauth-authorization-server`), {
    body: { authorization_grant_profiles_supported: ['urn:ietf:params:oauth:grant-profile:id-jag'] },
  })

  await client.tokenRevocation(app.configuration, tokens.access_token)
  t.equal(await callWith(`${origin}/mcp`, tokens.access_token), 401, 'and can be taken back')
})

t.test('every way in which an assertion can be wrong is refused, and its good twin is not', async (t) => {
  const { idp, running, assert, redeem } = await setScene(t)
  const { origin, db } = running
  await createPerson(db, ALICE)
  const now = Math.floor(Date.now() / 1000)
  const good = await assert()
  const [head, payload, signature] = good.split('.')
  const other = await generateKeyPair('ES256')
  const encoded = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')

  const wrong: Record<string, string> = {
    'no JWT': 'x',
    'no signature': `${head}.${payload}.`,
    'alg none': `${encoded({ alg: 'none', typ: 'oauth-id-jag+jwt' })}.${payload}.`,
    'HMAC with a public value': await new SignJWT(claimsOf(good))
      .setProtectedHeader({ alg: 'HS256', typ: 'oauth-id-jag+jwt', kid: 'idp-0' })
      .sign(Buffer.from('idp-0'.padEnd(32))),
    'another payload': `${head}.${encoded({ ...claimsOf(good), scope: 'demo admin' })}.${signature}`,
    'a foreign key': await idp.assert(claimsOf(good), {}, other.privateKey),
    'an unknown kid': await assert({}, { kid: 'idp-9' }),
    'an ID token': await assert({}, { typ: 'JWT' }),
    'an access token': await assert({}, { typ: 'at+jwt' }),
    'no typ': await assert({}, { typ: undefined }),
    'an issuer that nobody trusts': await assert({ iss: 'https://evil.test' }),
    'no issuer': await assert({ iss: undefined }),
    'another authorization server': await assert({ aud: 'https://other.example' }),
    'our token endpoint': await assert({ aud: `${origin}/token` }),
    'two audiences': await assert({ aud: [origin, 'https://other.example'] }),
    'no audience': await assert({ aud: undefined }),
    'another client': await assert({ client_id: 'somebody' }),
    'no client': await assert({ client_id: undefined }),
    'no subject': await assert({ sub: undefined }),
    'no jti': await assert({ jti: undefined }),
    'a jti that is no text': await assert({ jti: 7 }),
    expired: await assert({ iat: now - 600, exp: now - 300 }),
    'no expiry': await assert({ exp: undefined }),
    'issued in ten minutes': await assert({ iat: now + 600, exp: now + 900 }),
    'no time of issue': await assert({ iat: undefined }),
    'good for a day': await assert({ exp: now + 86_400 }),
    'not valid yet': await assert({ nbf: now + 600 }),
    'two resources': await assert({ resource: [`${origin}/mcp`, `${origin}/mcp/demo`] }),
    'bound in a way that is not understood': await assert({ cnf: { 'x5t#S256': 'x' } }),
    'authorization details': await assert({ authorization_details: [{ type: 'x' }] }),
    'an actor': await assert({ act: { sub: 'somebody' } }),
    'a tenant': await assert({ tenant: 'acme' }),
  }
  for (const [how, assertion] of Object.entries(wrong))
    t.match(await redeem(assertion), { status: 400, body: { error: 'invalid_grant' } }, how)
  t.match(await redeem(''), { status: 400, body: { error: 'invalid_request' } })
  t.match(await redeem(await assert({ resource: 'https://bank.example/' })), {
    status: 400,
    body: { error: 'invalid_target' },
  })
  t.match(await redeem(await assert(), { resource: `${origin}/mcp/demo` }), {
    status: 400,
    body: { error: 'invalid_target' },
  })
  t.match(await redeem(await assert({ cnf: { jkt: 'x' } })), { body: { error: 'invalid_dpop_proof' } })

  t.match(await redeem(good), { status: 200 })
  for (const claims of [
    { aud: [origin] },
    { aud: `${origin}/` },
    { resource: [`${origin}/mcp/`] },
    { resource: undefined },
  ])
    t.match(await redeem(await assert(claims)), { status: 200 })
})

t.test('an assertion is good once, also for several at the same moment', async (t) => {
  const { running, assert, redeem } = await setScene(t)
  await createPerson(running.db, ALICE)
  const assertion = await assert()
  t.match(await redeem(assertion, { scope: 'other' }), { status: 400 }, 'a mistake does not spend it')
  const raced = await Promise.all(Array.from({ length: 6 }, () => redeem(assertion)))
  t.equal(raced.filter(({ status }) => status === 200).length, 1)
  t.match(await redeem(assertion), { status: 400, body: { error: 'invalid_grant' } })
  t.match(await redeem(await assert()), { status: 200 })
})

t.test('the token has what both the identity provider and the client mean', async (t) => {
  const { running, assert, redeem } = await setScene(t)
  await createPerson(running.db, ALICE)
  const cases: readonly (readonly [string | undefined, string | undefined, string | null])[] = [
    ['demo', undefined, 'demo'],
    ['demo demo:read', undefined, 'demo'],
    ['demo', 'demo demo:read', 'demo'],
    ['demo', 'demo:read', 'demo:read'],
    ['demo:read', 'demo', 'demo:read'],
    ['demo:read other admin', undefined, 'demo:read'],
    [undefined, undefined, 'demo:read'],
    [undefined, 'demo', 'demo:read'],
    ['other', undefined, null],
    ['demo', 'other', null],
    ['', undefined, null],
  ]
  for (const [asserted, asked, granted] of cases) {
    const answer = await redeem(
      await assert({ scope: asserted }),
      asked === undefined ? {} : { scope: asked },
    )
    const message = `${asserted} and ${asked}`
    if (granted === null) t.match(answer, { status: 400, body: { error: 'invalid_scope' } }, message)
    else t.match(answer, { status: 200, body: { scope: granted } }, message)
  }
})

t.test('who a person is there stays the same when addresses change hands', async (t) => {
  const { running, assert, redeem } = await setScene(t)
  const { db } = running
  const alice = await createPerson(db, ALICE)
  const bob = await createPerson(db, 'bob@acme.example')
  const subjectOf = async (claims: Claims) =>
    claimsOf((await redeem(await assert(claims))).body.access_token).sub

  t.equal(await subjectOf({ sub: 'u-alice', email: 'Alice@ACME.example' }), alice.id)
  t.equal(await subjectOf({ sub: 'u-alice', email: 'bob@acme.example' }), alice.id, 'linked once')
  t.equal(await subjectOf({ sub: 'u-alice', email: undefined }), alice.id)
  t.equal(await subjectOf({ sub: 'u-bob', email: 'bob@acme.example' }), bob.id)

  for (const claims of [
    { sub: 'u-x', email: undefined },
    { sub: 'u-x', email: 'nobody@acme.example' },
    { sub: 'u-x', email: ALICE, email_verified: false },
  ])
    t.match(await redeem(await assert(claims)), { status: 400, body: { error: 'invalid_grant' } })

  await db.updateTable('users').set({ disabled_at: new Date() }).where('id', '=', bob.id).execute()
  t.match(await redeem(await assert({ sub: 'u-bob' })), { status: 400, body: { error: 'invalid_grant' } })
})

t.test('an account is made where that is allowed, for addresses that it may speak for', async (t) => {
  const { running, assert, redeem } = await setScene(t, { CREATE_USERS: true, EMAIL_DOMAINS: 'acme.example' })
  const { db, log } = running
  await createPerson(db, 'root@gate.example')
  const refused = ['root@gate.example', 'x@sub.acme.example', 'x@notacme.example', 'acme.example']
  for (const email of refused) t.match(await redeem(await assert({ email })), { status: 400 }, email)

  const raced = await Promise.all(
    Array.from({ length: 8 }, async () => redeem(await assert({ name: 'Alice' }))),
  )
  t.same(new Set(raced.map(({ status }) => status)), new Set([200]))
  const subjects = new Set(raced.map(({ body }) => claimsOf(body.access_token).sub))
  t.equal(subjects.size, 1)
  const [created, ...more] = await db.selectFrom('users').selectAll().where('email', '=', ALICE).execute()
  t.match(created, { name: 'Alice', role: 'member', password_hash: null, id: [...subjects][0] })
  t.equal(more.length, 0)
  t.match(log(), '"event":"user.created"')
})

t.test('keys are fetched when they are needed, and kept', async (t) => {
  const { idp, running, assert, redeem } = await setScene(t)
  await createPerson(running.db, ALICE)
  t.equal(idp.fetches(), 0)
  for (let times = 0; times < 3; times++) t.match(await redeem(await assert()), { status: 200 })
  t.equal(idp.fetches(), 1)
})

t.test('an identity provider that is away is no reason to believe anybody', async (t) => {
  const { idp, running, assert, redeem } = await setScene(t)
  await createPerson(running.db, ALICE)
  idp.answerWith(500)
  t.match(await redeem(await assert()), { status: 400, body: { error: 'temporarily_unavailable' } })
  idp.answerWith(302)
  t.match(await redeem(await assert()), { status: 400, body: { error: 'temporarily_unavailable' } })
  idp.answerWith(200)
  t.match(await redeem(await assert()), { status: 200 })
})

t.test('a client that is a document is named by its address, and needs no credentials', async (t) => {
  const id = 'https://app.document.test/client.json'
  const document = {
    client_id: id,
    client_name: 'Agent',
    redirect_uris: ['https://app.document.test/callback'],
    grant_types: ['authorization_code', GRANT],
    token_endpoint_auth_method: 'none',
  }
  const server = await startDocumentServer(serving({ [id]: document }))
  t.teardown(() => server.close())
  const outboundFetch = createOutboundFetch({ ...reaching(server), ownOrigin: 'http://localhost' })
  const idp = await startIdentityProvider(t)
  const { origin, db } = await build(t, { env: idp.env, overrides: { outboundFetch } })
  await createPerson(db, ALICE)
  const redeem = async (claims: Claims) =>
    postForm(`${origin}/token`, {
      grant_type: GRANT,
      client_id: id,
      assertion: await idp.assert({ aud: origin, email: ALICE, resource: `${origin}/mcp`, ...claims }),
    })

  t.match(await redeem({ client_id: 'https://other.test/client.json' }), { status: 400 })
  const { status, body } = await redeem({ client_id: id })
  t.equal(status, 200)
  t.match(claimsOf(body.access_token), { client_id: id, scope: 'demo:read' })
})

t.test('a client that registered itself is not let in, whoever names it', async (t) => {
  const { idp, running, assert } = await setScene(t)
  await createPerson(running.db, ALICE)
  const { origin } = running
  const stranger = await register(origin, { grant_types: ['authorization_code', GRANT] })
  t.same(stranger.grant_types, ['authorization_code'])
  const { client_id } = stranger
  const attempt = async (id: string, assertion: string) =>
    postForm(`${origin}/token`, { grant_type: GRANT, client_id: id, assertion })
  t.match(await attempt(client_id, await assert({ client_id })), { status: 400 })

  const open = await createOperatorClient(running, { grants: [GRANT], method: 'none' })
  t.match(await attempt(open.id, await assert({ client_id: open.id })), {
    status: 400,
    body: { error: 'unauthorized_client' },
  })
  t.equal(idp.fetches(), 0, 'not even the keys are fetched')
})

t.test('nobody is believed where nobody is trusted', async (t) => {
  const idp = await startIdentityProvider(t)
  const running = await build(t)
  const app = await createOperatorClient(running)
  const assertion = await idp.assert({ aud: running.origin, client_id: app.id })
  t.match(await postForm(`${running.origin}/token`, { grant_type: GRANT, assertion }, app.basic), {
    status: 400,
    body: { error: 'unsupported_grant_type' },
  })
})
