// Owns tokens that are bound to a key from the token endpoint to the gateway (RFC 9449), with real clients and by hand.

import { randomUUID } from 'node:crypto'
import { Client, DpopSession, StreamableHTTPClientTransport, withDpop } from '@modelcontextprotocol/client'
import { exportJWK, generateKeyPair, SignJWT } from 'jose'
import * as oauth from 'oauth4webapi'
import * as client from 'openid-client'
import t from 'tap'
import { callWith } from '../support/calling.ts'
import { build } from '../support/gatehouse.ts'
import { authorizationRequest, claimsOf, postForm, REDIRECT_URI, register } from '../support/oauth.ts'
import { createOperatorClient, discover } from '../support/operator-clients.ts'
import { authorize, connect } from '../support/sign-in.ts'

const ALICE = 'alice@example.com'
const EXCHANGE = 'urn:ietf:params:oauth:grant-type:token-exchange'

async function createProver(origin: string) {
  const { publicKey, privateKey } = await generateKeyPair('ES256', { extractable: true })
  const jwk = await exportJWK(publicKey)
  return {
    prove: (claims: Readonly<Record<string, unknown>> = {}, header: object = {}) =>
      new SignJWT({ jti: randomUUID(), htm: 'POST', htu: `${origin}/token`, ...claims })
        .setProtectedHeader({ alg: 'ES256', typ: 'dpop+jwt', jwk, ...header })
        .setIssuedAt(typeof claims.iat === 'number' ? claims.iat : undefined)
        .sign(privateKey),
  }
}

t.test('a code redeemed with a proof gives tokens for that key alone, also after a refresh', async (t) => {
  const { origin, browser, createPerson } = await build(t)
  await createPerson(ALICE)
  const { client_id } = await register(origin)
  const configuration = await discover(origin, client_id)
  const DPoP = client.getDPoPHandle(configuration, await client.randomDPoPKeyPair())
  const request = authorizationRequest(origin, client_id)
  const callback = await authorize(browser(), request, ALICE)

  const tokens = await client.authorizationCodeGrant(
    configuration,
    new URL(`${REDIRECT_URI}?${callback}`),
    { pkceCodeVerifier: request.verifier, expectedState: request.state },
    undefined,
    { DPoP },
  )
  t.equal(tokens.token_type, 'dpop')
  const { cnf } = claimsOf(tokens.access_token)
  t.match(cnf, { jkt: String })
  t.equal(await callWith(`${origin}/mcp`, tokens.access_token), 401, 'no bearer token')

  const refreshed = await client.refreshTokenGrant(configuration, tokens.refresh_token ?? '', undefined, {
    DPoP,
  })
  t.same(claimsOf(refreshed.access_token).cnf, cnf)
  const called = await client.fetchProtectedResource(
    configuration,
    refreshed.access_token,
    new URL(`${origin}/mcp`),
    'POST',
    JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'ping' }),
    new Headers({ 'content-type': 'application/json', accept: 'application/json, text/event-stream' }),
    { DPoP },
  )
  t.not(called.status, 401)

  const other = client.getDPoPHandle(configuration, await client.randomDPoPKeyPair())
  const stolen = refreshed.refresh_token ?? ''
  const refusal = { name: 'ResponseBodyError' }
  await t.rejects(client.refreshTokenGrant(configuration, stolen, undefined, { DPoP: other }), refusal)
  await t.rejects(client.refreshTokenGrant(configuration, stolen), refusal)
  t.ok(await client.refreshTokenGrant(configuration, stolen, undefined, { DPoP }))
})

t.test('oauth4webapi gets and uses a bound token', async (t) => {
  const running = await build(t)
  const { origin } = running
  const machine = await createOperatorClient(running, { grants: ['client_credentials'], scope: 'demo' })
  const issuer = new URL(origin)
  const insecure = { [oauth.allowInsecureRequests]: true }
  const server = await oauth.processDiscoveryResponse(
    issuer,
    await oauth.discoveryRequest(issuer, { algorithm: 'oauth2', ...insecure }),
  )
  const me: oauth.Client = { client_id: machine.id }
  const DPoP = oauth.DPoP(me, await oauth.generateKeyPair('ES256'))
  const options = { DPoP, ...insecure }
  const parameters = { resource: `${origin}/mcp` }
  const tokens = await oauth.processClientCredentialsResponse(
    server,
    me,
    await oauth.clientCredentialsGrantRequest(
      server,
      me,
      oauth.ClientSecretBasic(machine.secret),
      parameters,
      options,
    ),
  )
  t.equal(tokens.token_type, 'dpop')
  const headers = new Headers({
    'content-type': 'application/json',
    accept: 'application/json, text/event-stream',
  })
  const url = new URL(`${origin}/mcp`)
  const body = '{"jsonrpc":"2.0","id":1,"method":"ping"}'
  const called = await oauth.protectedResourceRequest(
    tokens.access_token,
    'POST',
    url,
    headers,
    body,
    options,
  )
  t.not(called.status, 401)
})

t.test("MCP's own client works with a bound token", async (t) => {
  const running = await build(t)
  const { origin } = running
  const machine = await createOperatorClient(running, { grants: ['client_credentials'], scope: 'demo' })
  const session = await DpopSession.create()
  const dpop = await session.buildProof({ htm: 'POST', htu: `${origin}/token` })
  const granted = await postForm(
    `${origin}/token`,
    { grant_type: 'client_credentials' },
    { ...machine.basic, dpop },
  )
  const token = String(granted.body.access_token)
  t.match(claimsOf(token).cnf, { jkt: session.thumbprint })

  const mcp = new Client({ name: 'Tester', version: '1.0.0' }, { versionNegotiation: { mode: 'legacy' } })
  const transport = new StreamableHTTPClientTransport(new URL(`${origin}/mcp`), {
    fetch: withDpop(
      () => session,
      () => token,
    )(fetch),
    authProvider: { token: async () => token },
  })
  await mcp.connect(transport)
  t.ok((await mcp.listTools()).tools.length > 0)
  await mcp.close()
})

t.test('every way in which a proof at the token endpoint can be wrong is refused', async (t) => {
  const running = await build(t)
  const { origin, browser, createPerson } = running
  await createPerson(ALICE)
  const { accessToken } = await connect(origin, browser(), ALICE)
  const machine = await createOperatorClient(running, {
    grants: ['client_credentials', EXCHANGE],
    scope: 'demo',
  })
  const { prove } = await createProver(origin)
  const now = Math.floor(Date.now() / 1000)
  const requests = {
    'client credentials': { grant_type: 'client_credentials' },
    'token exchange': {
      grant_type: EXCHANGE,
      subject_token: accessToken,
      subject_token_type: 'urn:ietf:params:oauth:token-type:access_token',
    },
  }
  for (const [which, fields] of Object.entries(requests)) {
    const attempt = (dpop: string) => postForm(`${origin}/token`, fields, { ...machine.basic, dpop })
    const wrong = {
      'no JWT': 'x',
      'another typ': await prove({}, { typ: 'JWT' }),
      'another method': await prove({ htm: 'GET' }),
      'another URL': await prove({ htu: `${origin}/mcp` }),
      'another host': await prove({ htu: 'https://evil.test/token' }),
      'signed six minutes ago': await prove({ iat: now - 360 }),
      'no jti': await prove({ jti: undefined }),
      'no key': await prove({}, { jwk: undefined }),
    }
    for (const [how, proof] of Object.entries(wrong))
      t.match(
        await attempt(proof),
        { status: 400, body: { error: 'invalid_dpop_proof' } },
        `${which}: ${how}`,
      )

    const once = await prove()
    const raced = await Promise.all(Array.from({ length: 4 }, () => attempt(once)))
    t.equal(raced.filter(({ status }) => status === 200).length, 1, `${which}: raced`)
    t.match(await attempt(once), { status: 400, body: { error: /invalid_grant|invalid_dpop_proof/ } })
    t.match(await attempt(await prove()), { status: 200, body: { token_type: 'DPoP' } }, which)
  }
})

t.test('exchanging a bound token needs its key, and gives one that is bound to it', async (t) => {
  const running = await build(t)
  const { origin } = running
  const machine = await createOperatorClient(running, {
    grants: ['client_credentials', EXCHANGE],
    scope: 'demo',
  })
  const [owner, thief] = [await createProver(origin), await createProver(origin)]
  const token = (fields: Record<string, string>, dpop?: string) =>
    postForm(`${origin}/token`, fields, { ...machine.basic, ...(dpop !== undefined && { dpop }) })
  const { body } = await token({ grant_type: 'client_credentials' }, await owner.prove())
  const exchange = {
    grant_type: EXCHANGE,
    subject_token: String(body.access_token),
    subject_token_type: 'urn:ietf:params:oauth:token-type:access_token',
  }

  t.match(await token(exchange), { status: 400, body: { error: 'invalid_dpop_proof' } })
  t.match(await token(exchange, await thief.prove()), { status: 400, body: { error: 'invalid_dpop_proof' } })
  const passedOn = await token(exchange, await owner.prove())
  t.same(claimsOf(passedOn.body.access_token).cnf, claimsOf(body.access_token).cnf)
})

t.test('a client that says so never gets a token that anybody can use', async (t) => {
  const running = await build(t)
  const { origin } = running
  const machine = await createOperatorClient(running, {
    grants: ['client_credentials', EXCHANGE],
    scope: 'demo',
    metadata: { dpop_bound_access_tokens: true },
  })
  const { prove } = await createProver(origin)
  const attempt = (headers = {}) =>
    postForm(`${origin}/token`, { grant_type: 'client_credentials' }, { ...machine.basic, ...headers })
  t.match(await attempt(), { status: 400, body: { error: 'invalid_grant' } })
  t.match(await attempt({ dpop: await prove() }), { status: 200 })
})
