// Owns what tokens say of the groups of a person: those that are stored, those that the policy lists, and no address for nothing.

import * as client from 'openid-client'
import t from 'tap'
import { joinGroup, leaveGroup } from '../../src/storage/user-groups.ts'
import { findByEmail } from '../../src/storage/users.ts'
import { send, until } from '../gateway/stage.ts'
import { build } from '../support/gatehouse.ts'
import { claimsOf } from '../support/oauth.ts'
import { createOperatorClient } from '../support/operator-clients.ts'
import { connect, refresh } from '../support/sign-in.ts'

const ALICE = 'alice@example.com'
const BOB = 'bob@example.com'
const CAROL = 'carol@example.com'
const POLICY = JSON.stringify({
  groups: { admins: [ALICE.toUpperCase()] },
  rules: [{ people: [BOB], tools: ['delete_*'], effect: 'allow' }],
})

t.test('a token says which groups its person is in, also when it is refreshed or looked into', async (t) => {
  const running = await build(t, { env: { POLICY } })
  const { origin, browser, createPerson, db } = running
  const alice = await createPerson(ALICE)
  await joinGroup(db, alice.id, 'writers', false)
  const { client: app, accessToken, refreshToken } = await connect(origin, browser(), ALICE)
  const server = await createOperatorClient(running, { introspects: new Set([`${origin}/mcp`]) })

  const groups = ['admins', 'writers']
  t.match(claimsOf(accessToken), { groups })
  t.match(await client.tokenIntrospection(server.configuration, accessToken), { active: true, groups })

  await leaveGroup(db, alice.id, 'writers', false)
  const { body } = await refresh(origin, app.client_id, refreshToken)
  t.same(claimsOf(String(body.access_token)).groups, ['admins'], 'the next token says what is true then')
})

t.test('an address is in a token only where a rule names it', async (t) => {
  const { origin, browser, createPerson } = await build(t, { env: { POLICY } })
  await createPerson(BOB)
  await createPerson(CAROL)
  t.same(claimsOf((await connect(origin, browser(), BOB)).accessToken).groups, [BOB])
  t.notOk('groups' in claimsOf((await connect(origin, browser(), CAROL)).accessToken))
})

t.test('a change of groups can be made to take effect at once', async (t) => {
  const { origin, browser, createPerson, db } = await build(t)
  const { id } = await createPerson(ALICE)
  const { client: app, accessToken, refreshToken } = await connect(origin, browser(), ALICE)
  const status = async (token: string) => (await send({ origin }, { path: '/mcp', token })).status
  t.not(await status(accessToken), 401)

  t.ok(await joinGroup(db, id, 'writers', true))

  let last = 0
  const asking = setInterval(async () => {
    last = await status(accessToken)
  }, 20)
  await until(() => last === 401).finally(() => clearInterval(asking))
  await new Promise((resolve) => setTimeout(resolve, 1000))
  const { body } = await refresh(origin, app.client_id, refreshToken)
  t.same(claimsOf(String(body.access_token)).groups, ['writers'])
  t.not(await status(String(body.access_token)), 401)
  t.match(await findByEmail(db, ALICE), { groups: ['writers'] })
})
