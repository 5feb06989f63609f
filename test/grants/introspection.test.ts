// Owns what resource servers learn (RFC 7662): about tokens for what is theirs, and about nothing else.

import { sql } from 'kysely'
import * as client from 'openid-client'
import t from 'tap'
import { build } from '../support/gatehouse.ts'
import { claimsOf, postForm, register } from '../support/oauth.ts'
import { createOperatorClient } from '../support/operator-clients.ts'
import { connect, refresh } from '../support/sign-in.ts'

const ALICE = 'alice@example.com'

t.test('a resource server learns what a token says, until it is revoked', async (t) => {
  const running = await build(t)
  const { origin, browser, createPerson } = running
  await createPerson(ALICE)
  const { client: app, accessToken, refreshToken } = await connect(origin, browser(), ALICE)
  const server = await createOperatorClient(running, { introspects: new Set([`${origin}/mcp`]) })
  const claims = claimsOf(accessToken)

  const about = await client.tokenIntrospection(server.configuration, accessToken)

  const { iss, sub, aud, scope, client_id, jti, iat, exp } = claims
  t.same(about, { active: true, iss, sub, aud, scope, client_id, jti, iat, exp, token_type: 'Bearer' })
  t.match(await client.tokenIntrospection(server.configuration, refreshToken), {
    active: true,
    sub,
    client_id,
    scope: 'demo:read',
  })
  t.notOk('gid' in about)

  await postForm(`${origin}/revoke`, { client_id: app.client_id, token: accessToken })
  t.same(await client.tokenIntrospection(server.configuration, accessToken), { active: false })
  t.same(await client.tokenIntrospection(server.configuration, refreshToken), { active: false })
})

t.test('a token is as good as none to the server of another resource', async (t) => {
  const running = await build(t)
  const { origin, browser, createPerson } = running
  await createPerson(ALICE)
  const { accessToken, refreshToken } = await connect(origin, browser(), ALICE)
  const other = await createOperatorClient(running, { introspects: new Set([`${origin}/mcp/demo`]) })
  const any = await createOperatorClient(running, { introspects: null, method: 'client_secret_post' })

  for (const token of [accessToken, refreshToken, 'unknown', `${accessToken}x`])
    t.same(await client.tokenIntrospection(other.configuration, token), { active: false })
  for (const token of [accessToken, refreshToken])
    t.match(await client.tokenIntrospection(any.configuration, token), { active: true })
})

t.test('who is no resource server learns nothing at all', async (t) => {
  const running = await build(t)
  const { origin, browser, createPerson } = running
  await createPerson(ALICE)
  const { client: app, accessToken, refreshToken } = await connect(origin, browser(), ALICE)
  const machine = await createOperatorClient(running, { grants: ['client_credentials'], scope: 'demo' })
  const open = await createOperatorClient(running, { introspects: null, method: 'none' })
  const stranger = await register(origin, { client_name: 'Stranger', 'gatehouse:introspects': true })
  const introspect = (fields: Record<string, string>, headers = {}) =>
    postForm(`${origin}/introspect`, fields, headers)

  for (const token of [accessToken, refreshToken, 'unknown']) {
    for (const client_id of [app.client_id, open.id, stranger.client_id]) {
      t.match(await introspect({ client_id, token }), { status: 403, body: { error: 'unauthorized_client' } })
    }
    t.match(await introspect({ token }, machine.basic), { status: 403 })
    t.match(await introspect({ token }), { status: 400 })
    t.match(await introspect({ token }, { authorization: 'Basic eDp5' }), {
      status: 401,
      body: { error: 'invalid_client' },
    })
    t.equal((await fetch(`${origin}/introspect?token=${token}`)).status, 405, 'GET')
  }
})

t.test('what a token stands on has to stand', async (t) => {
  const running = await build(t)
  const { origin, browser, createPerson, db } = running
  await createPerson(ALICE)
  const { client: app, accessToken, refreshToken } = await connect(origin, browser(), ALICE)
  const server = await createOperatorClient(running, { introspects: null })
  const isActive = async (token: string) =>
    (await client.tokenIntrospection(server.configuration, token)).active

  await db.updateTable('users').set({ disabled_at: sql`now()` }).execute()
  t.equal(await isActive(accessToken), false, 'a disabled person')
  await db.updateTable('users').set({ disabled_at: null }).execute()
  t.equal(await isActive(accessToken), true)

  const { body } = await refresh(origin, app.client_id, refreshToken)
  t.equal(await isActive(String(body.refresh_token)), true)
  await db.deleteFrom('oauth_clients').where('id', '=', app.client_id).execute()
  t.equal(await isActive(accessToken), false, 'a deleted client')
})

t.test('a fault of ours is a 500 that says nothing, and no answer about a token', async (t) => {
  const running = await build(t)
  const { origin, browser, createPerson, db } = running
  await createPerson(ALICE)
  const { accessToken } = await connect(origin, browser(), ALICE)
  const server = await createOperatorClient(running, { introspects: null })
  const introspect = () => postForm(`${origin}/introspect`, { token: accessToken }, server.basic)
  t.match(await introspect(), { status: 200, body: { active: true } })
  await db.schema.alterTable('users').renameTo('gone').execute()
  const answer = await introspect()
  t.equal(answer.status, 500)
  t.equal(answer.body.error, 'server_error')
  t.notMatch(JSON.stringify(answer.body), /users|relation|active/)
})

t.test('a token that is bound to a key or acts for somebody says so', async (t) => {
  const running = await build(t)
  const exchange = 'urn:ietf:params:oauth:grant-type:token-exchange'
  const machine = await createOperatorClient(running, {
    grants: ['client_credentials', exchange],
    scope: 'demo',
  })
  const server = await createOperatorClient(running, { introspects: null })
  const DPoP = client.getDPoPHandle(machine.configuration, await client.randomDPoPKeyPair())
  const bound = await client.clientCredentialsGrant(machine.configuration, undefined, { DPoP })
  const about = await client.tokenIntrospection(server.configuration, bound.access_token)
  t.match(about, { active: true, token_type: 'DPoP', cnf: { jkt: String } })

  const plain = await client.clientCredentialsGrant(machine.configuration)
  const { access_token } = await client.genericGrantRequest(machine.configuration, exchange, {
    subject_token: plain.access_token,
    subject_token_type: 'urn:ietf:params:oauth:token-type:access_token',
  })
  t.match(await client.tokenIntrospection(server.configuration, access_token), {
    active: true,
    act: { sub: machine.id },
  })
})
