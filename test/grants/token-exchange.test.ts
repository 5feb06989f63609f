// Owns token exchange (RFC 8693): less can be passed on, and nothing more can be made of it.

import { randomUUID } from 'node:crypto'
import { sql } from 'kysely'
import * as client from 'openid-client'
import t from 'tap'
import { callWith } from '../support/calling.ts'
import type { Teardown } from '../support/database.ts'
import { build, type Running } from '../support/gatehouse.ts'
import { type Answer, claimsOf, postForm, register } from '../support/oauth.ts'
import { createOperatorClient, type OperatorClient } from '../support/operator-clients.ts'
import { connect } from '../support/sign-in.ts'

const ALICE = 'alice@example.com'
const GRANT = 'urn:ietf:params:oauth:grant-type:token-exchange'
const ACCESS_TOKEN = 'urn:ietf:params:oauth:token-type:access_token'

type Fields = Readonly<Record<string, string | undefined>>

interface Scene {
  readonly running: Running
  readonly agent: OperatorClient
  readonly connected: Awaited<ReturnType<typeof connect>>
  /** By the agent, with Alice's token, but for what the fields say. */
  readonly exchange: (fields?: Fields, headers?: Record<string, string>) => Promise<Answer>
}

async function setScene(t: Teardown, scope = 'demo'): Promise<Scene> {
  const running = await build(t)
  const { origin, browser, createPerson } = running
  await createPerson(ALICE)
  const connected = await connect(origin, browser(), ALICE, { parameters: { scope: 'demo' } })
  const agent = await createOperatorClient(running, { grants: [GRANT], scope })
  const exchange = (fields: Fields = {}, headers: Record<string, string> = agent.basic) =>
    postForm(
      `${origin}/token`,
      {
        grant_type: GRANT,
        subject_token: connected.accessToken,
        subject_token_type: ACCESS_TOKEN,
        ...fields,
      },
      headers,
    )
  return { running, agent, connected, exchange }
}

t.test('an agent passes on less than it was given, and the token says who acts for whom', async (t) => {
  const { running, agent, connected, exchange } = await setScene(t)
  const subject = claimsOf(connected.accessToken)

  const tokens = await client.genericGrantRequest(agent.configuration, GRANT, {
    subject_token: connected.accessToken,
    subject_token_type: ACCESS_TOKEN,
    requested_token_type: ACCESS_TOKEN,
    scope: 'demo:read',
  })

  t.match(tokens, { issued_token_type: ACCESS_TOKEN, token_type: 'bearer', scope: 'demo:read' })
  t.notOk('refresh_token' in tokens)
  const claims = claimsOf(tokens.access_token)
  t.match(claims, {
    sub: subject.sub,
    gid: subject.gid,
    aud: subject.aud,
    client_id: agent.id,
    scope: 'demo:read',
    act: { sub: agent.id },
  })
  t.ok(Number(claims.exp) <= Number(subject.exp), 'and lives no longer')
  t.equal(await callWith(`${running.origin}/mcp`, tokens.access_token), 200)

  const again = await exchange({ subject_token: tokens.access_token })
  t.match(claimsOf(again.body.access_token), {
    scope: 'demo:read',
    act: { sub: agent.id, act: { sub: agent.id } },
  })
})

t.test('everything that would be more is refused', async (t) => {
  const { running, exchange } = await setScene(t, 'demo:read')
  const { origin } = running
  const refused: readonly (readonly [string, Fields, string])[] = [
    ['another resource of ours', { resource: `${origin}/mcp/demo` }, 'invalid_target'],
    ['a resource elsewhere', { resource: 'https://bank.example/' }, 'invalid_target'],
    ['another audience', { audience: 'https://bank.example/' }, 'invalid_target'],
    ['more scope than the agent may pass on', { scope: 'demo' }, 'invalid_scope'],
    ['a scope that is none', { scope: 'demo:unheard-of' }, 'invalid_scope'],
    ['a scope that the token has not', { scope: 'other' }, 'invalid_scope'],
    ['a forged actor', { actor_token: 'x', actor_token_type: ACCESS_TOKEN }, 'invalid_request'],
    [
      'another kind of token',
      { requested_token_type: 'urn:ietf:params:oauth:token-type:refresh_token' },
      'invalid_request',
    ],
    [
      'a subject of another kind',
      { subject_token_type: 'urn:ietf:params:oauth:token-type:id_token' },
      'invalid_request',
    ],
    ['no subject', { subject_token: undefined }, 'invalid_request'],
    ['an unknown subject', { subject_token: randomUUID() }, 'invalid_request'],
  ]
  for (const [how, fields, error] of refused)
    t.match(await exchange(fields), { status: 400, body: { error } }, how)
  t.match(await exchange(), { status: 200, body: { scope: 'demo:read' } }, 'what both have')
  t.match(await exchange({ resource: `${origin}/mcp/`, audience: `${origin}/mcp` }), { status: 200 })
})

t.test('a token that was changed, or that is over, is no subject', async (t) => {
  const { connected, exchange } = await setScene(t)
  const [head, , signature] = connected.accessToken.split('.')
  const more = { ...claimsOf(connected.accessToken), sub: 'usr_somebody' }
  const forged = `${head}.${Buffer.from(JSON.stringify(more)).toString('base64url')}.${signature}`
  t.match(await exchange({ subject_token: forged }), { status: 400, body: { error: 'invalid_request' } })
  t.match(await exchange({ subject_token: connected.refreshToken }), { status: 400 })
  t.match(await exchange({ subject_token: connected.accessToken }), { status: 200 })
})

t.test('with the grant, the person or the client goes what was made of it', async (t) => {
  const { running, connected, exchange } = await setScene(t)
  const { db, origin } = running
  const { body } = await exchange()
  t.equal(await callWith(`${running.origin}/mcp`, body.access_token), 200)

  await db.updateTable('users').set({ disabled_at: sql`now()` }).execute()
  t.match(await exchange(), { status: 400, body: { error: 'invalid_request' } }, 'the person is disabled')
  await db.updateTable('users').set({ disabled_at: null }).execute()
  t.match(await exchange(), { status: 200 })

  const client_id = connected.client.client_id
  await postForm(`${origin}/revoke`, { client_id, token: connected.refreshToken })
  t.match(await exchange(), { status: 400, body: { error: 'invalid_request' } }, 'revoked')
  t.equal(await callWith(`${running.origin}/mcp`, body.access_token), 401, 'also the one that was passed on')
})

t.test('only clients with credentials that an operator allowed to may exchange', async (t) => {
  const { running, exchange } = await setScene(t)
  const { origin } = running
  const stranger = await register(origin, {
    redirect_uris: ['https://app.example/cb'],
    grant_types: ['authorization_code', GRANT],
    token_endpoint_auth_method: 'client_secret_post',
  })
  t.same(stranger.grant_types, ['authorization_code'])
  const { client_id, client_secret } = stranger
  t.match(await exchange({ client_id, client_secret }, {}), { status: 400 })
  const open = await createOperatorClient(running, { grants: [GRANT], scope: 'demo', method: 'none' })
  t.match(await exchange({ client_id: open.id }, {}), { status: 400, body: { error: 'unauthorized_client' } })
  const unmarked = await createOperatorClient(running, { grants: [GRANT] })
  t.match(await exchange({}, unmarked.basic), { status: 400, body: { error: 'invalid_scope' } })
  t.match(await exchange({}, { authorization: 'Basic eDp5' }), {
    status: 401,
    body: { error: 'invalid_client' },
  })
  t.match(await exchange(), { status: 200 })
})

t.test('a token is not passed on without end', async (t) => {
  const { connected, exchange } = await setScene(t)
  let token = connected.accessToken
  for (let times = 0; times < 4; times++)
    token = String((await exchange({ subject_token: token })).body.access_token)
  t.match(await exchange({ subject_token: token }), { status: 400, body: { error: 'invalid_request' } })
})
