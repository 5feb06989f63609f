// Owns what clients take back (RFC 7009): their own tokens, at once, and nobody else's.

import * as client from 'openid-client'
import t from 'tap'
import { callWith } from '../support/calling.ts'
import { build } from '../support/gatehouse.ts'
import { postForm, register } from '../support/oauth.ts'
import { createOperatorClient, discover } from '../support/operator-clients.ts'
import { connect, refresh } from '../support/sign-in.ts'

const ALICE = 'alice@example.com'

for (const which of ['refreshToken', 'accessToken'] as const) {
  t.test(`revoking the ${which} ends all that came of one consent, and nothing of another`, async (t) => {
    const running = await build(t)
    const { origin, browser, createPerson, db, log } = running
    await createPerson(ALICE)
    const laptop = await connect(origin, browser(), ALICE)
    const phone = await connect(origin, browser(), ALICE, { client: laptop.client })
    const { client_id } = laptop.client
    t.equal(await callWith(`${running.origin}/mcp`, laptop.accessToken), 200)

    await client.tokenRevocation(await discover(origin, client_id), laptop[which])

    t.equal(await callWith(`${running.origin}/mcp`, laptop.accessToken), 401)
    t.match(await refresh(origin, client_id, laptop.refreshToken), {
      status: 400,
      body: { error: 'invalid_grant' },
    })
    t.match(log(), '"event":"grant.revoked"')
    t.equal(await callWith(`${running.origin}/mcp`, phone.accessToken), 200)
    t.match(await refresh(origin, client_id, phone.refreshToken), { status: 200 })
    const grants = await db.selectFrom('artifacts').select('id_hash').where('model', '=', 'Grant').execute()
    t.equal(grants.length, 1)
  })
}

t.test("a stranger's request is answered like one about nothing, and changes nothing", async (t) => {
  const running = await build(t)
  const { origin, browser, createPerson } = running
  await createPerson(ALICE)
  const { client: owner, accessToken, refreshToken } = await connect(origin, browser(), ALICE)
  const stranger = await register(origin, { client_name: 'Stranger' })
  const confidential = await register(origin, {
    redirect_uris: ['https://app.example/cb'],
    token_endpoint_auth_method: 'client_secret_post',
  })
  const revoke = (fields: Record<string, string | undefined>) => postForm(`${origin}/revoke`, fields)
  const { client_id } = stranger
  const { client_id: id, client_secret } = confidential

  for (const token of [accessToken, refreshToken]) {
    for (const token_type_hint of [undefined, 'access_token', 'refresh_token', 'nonsense']) {
      t.equal((await revoke({ client_id, token, token_type_hint })).status, 200)
      t.equal((await revoke({ client_id: id, client_secret, token, token_type_hint })).status, 200)
    }
    t.match(await revoke({ token }), { status: 400 }, 'nobody')
    t.match(await revoke({ client_id: id, client_secret: 'x', token }), {
      status: 401,
      body: { error: 'invalid_client' },
    })
  }
  t.equal(await callWith(`${running.origin}/mcp`, accessToken), 200, 'it still works')
  t.equal((await revoke({ client_id: owner.client_id, token: 'unknown' })).status, 200)
  t.equal((await revoke({ client_id: owner.client_id, token: `${accessToken}x` })).status, 200)
  t.match(await revoke({ client_id: owner.client_id }), { status: 400, body: { error: 'invalid_request' } })
  t.match(await refresh(origin, owner.client_id, refreshToken), { status: 200 })

  const hinted = { client_id: owner.client_id, token: accessToken, token_type_hint: 'refresh_token' }
  t.equal((await revoke(hinted)).status, 200, 'a wrong hint is only a hint')
  t.equal(await callWith(`${running.origin}/mcp`, accessToken), 401)
})

t.test('a machine takes back one token of its own', async (t) => {
  const running = await build(t)
  const grants = ['client_credentials']
  const machine = await createOperatorClient(running, { grants, scope: 'demo' })
  const [first, second] = await Promise.all([
    client.clientCredentialsGrant(machine.configuration),
    client.clientCredentialsGrant(machine.configuration),
  ])

  await client.tokenRevocation(machine.configuration, first.access_token)

  t.equal(await callWith(`${running.origin}/mcp`, first.access_token), 401)
  t.equal(await callWith(`${running.origin}/mcp`, second.access_token), 200)
})

t.test('a token from an exchange is not the way to end the grant of another client', async (t) => {
  const running = await build(t)
  const { origin, browser, createPerson } = running
  await createPerson(ALICE)
  const { accessToken } = await connect(origin, browser(), ALICE)
  const grant = 'urn:ietf:params:oauth:grant-type:token-exchange'
  const agent = await createOperatorClient(running, { grants: [grant], scope: 'demo' })
  const { access_token: passedOn } = await client.genericGrantRequest(agent.configuration, grant, {
    subject_token: accessToken,
    subject_token_type: 'urn:ietf:params:oauth:token-type:access_token',
  })

  t.match(await postForm(`${origin}/revoke`, { token: passedOn }, agent.basic), {
    status: 400,
    body: { error: 'unsupported_token_type' },
  })
  t.equal(await callWith(`${running.origin}/mcp`, accessToken), 200)
})
