// Owns callers that are no person, and accounts that are disabled, at upstreams that want a login or a statement about who calls.

import * as client from 'openid-client'
import t from 'tap'
import * as apiKeys from '../../src/storage/api-keys.ts'
import * as users from '../../src/storage/users.ts'
import { commandLine } from '../support/command-line.ts'
import { build, newSecretKey } from '../support/gatehouse.ts'
import { startGuardedUpstream } from '../support/guarded-upstream.ts'
import { callTool } from '../support/modern-call.ts'
import { claimsOf } from '../support/oauth.ts'
import { createOperatorClient } from '../support/operator-clients.ts'
import { runGatehouse } from '../support/process.ts'
import { connect } from '../support/sign-in.ts'
import { until } from '../support/until.ts'
import { DEVICE, pageOf } from '../support/upstream-commands.ts'
import { approveThere } from '../support/upstream-login.ts'
import { startVerifyingUpstream } from '../support/verifying-upstream.ts'

const ALICE = 'alice@example.com'
const NAMES = ['company', 'notion', 'shared', 'wiki'] as const
const AUDIENCE = 'https://company.example/api'

t.test('machines are told apart from people, and each has the login that is its own', async (t) => {
  const [verifying, guarded] = [await startVerifyingUpstream(t), await startGuardedUpstream(t, 'open')]
  const identity = { type: 'identity', header: 'X-Person', audience: AUDIENCE, ttl: '90s' }
  const token_endpoint = `${verifying.origin}/token`
  const idJag = { type: 'id-jag', issuer: verifying.origin, token_endpoint, client_id: 'gate:house' }
  const UPSTREAMS = JSON.stringify({
    company: { url: verifying.url, auth: identity },
    notion: { url: guarded.url, title: 'Notion', auth: { type: 'oauth2' } },
    shared: { url: guarded.url, title: 'Shared', auth: { type: 'oauth2', shared: true } },
    wiki: { url: verifying.url, auth: { ...idJag, client_secret: 'planted secret+1' } },
  })
  const secretKey = newSecretKey()
  const running = await build(t, { env: { UPSTREAMS }, secretKeys: [secretKey] })
  const { origin, browser, db, database } = running
  if (database.config.kind !== 'postgres') throw new Error('not PostgreSQL')
  const env = { DATABASE_URL: database.config.url, SECRET_KEY: secretKey, PUBLIC_URL: origin, UPSTREAMS }
  verifying.trust(origin, { upstream: AUDIENCE, tokens: verifying.origin })
  const alice = await running.createPerson(ALICE)
  const service = await users.ensureService(db, 'ci')
  const keyOf = async (userId: users.UserId) => {
    const wanted = { name: 'k', userId, scopes: new Set(NAMES), expiresInSeconds: null }
    return (await apiKeys.create(db, wanted)).key
  }
  const machine = await createOperatorClient(running, {
    grants: ['client_credentials'],
    scope: NAMES.join(' '),
  })
  const tokenFor = async (name: string) =>
    (await client.clientCredentialsGrant(machine.configuration, { resource: `${origin}/mcp/${name}` }))
      .access_token
  const call = (name: string, token: string) => callTool(`${origin}/mcp/${name}`, token, 'me')
  const [hers, its] = [await keyOf(alice.id), await keyOf(service.id)]

  t.match(await call('company', hers), { status: 200, text: new RegExp(ALICE) })
  const claims = claimsOf(verifying.shown.at(-1) ?? '')
  t.match(claims, { aud: AUDIENCE, sub: alice.id })
  t.equal(Number(claims.exp) - Number(claims.iat), 90)
  t.match(await call('company', its), { status: 200, text: new RegExp(service.id) })
  t.notOk('email' in claimsOf(verifying.shown.at(-1) ?? ''), 'what a service account has is no address')
  t.match(await call('company', await tokenFor('company')), { status: 200, text: new RegExp(machine.id) })
  const ofMachine = claimsOf(verifying.shown.at(-1) ?? '')
  t.notOk('email' in ofMachine || 'groups' in ofMachine)

  t.match((await call('notion', hers)).text, 'Open this link, then try again')
  t.match((await call('notion', await tokenFor('notion'))).text, 'this client calls by itself')
  const said = (await call('notion', its)).text
  t.match(said, 'gatehouse upstream login notion --user service:ci --flow device')
  t.notMatch(said, 'http', 'no link, as nobody can sign in as it')
  t.match((await call('shared', await tokenFor('shared'))).text, 'An administrator has to log in there first')

  const byOperator: readonly (readonly [string, readonly string[]])[] = [
    ['notion', ['--user', 'service:ci']],
    ['shared', ['--shared']],
  ]
  for (const [name, whose] of byOperator) {
    const login = runGatehouse(t, ['upstream', 'login', name, ...whose, ...DEVICE], { env })
    await approveThere(await pageOf(login))
    t.match(await login.ended, { code: 0 }, login.stderr())
  }
  await until('the login counts', async () => (await call('notion', its)).text.includes('you are carol'))
  await until('so does that of all', async () =>
    (await call('shared', await tokenFor('shared'))).text.includes('you are carol'),
  )
  t.match((await call('notion', hers)).text, 'Open this link', 'it is nobody else’s')

  const before = verifying.asked.length
  for (const token of [its, await tokenFor('wiki')]) t.equal((await call('wiki', token)).status, 502)
  t.equal(verifying.asked.length, before, 'nothing is asserted about who is no person')
  await call('wiki', hers)
  const form = Object.fromEntries(verifying.asked.at(-1)?.form ?? [])
  t.match(form, { grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer' })
  const assertion = claimsOf(String(form.assertion))
  t.match(assertion, {
    aud: verifying.origin,
    resource: verifying.url,
    client_id: 'gate:house',
    email: ALICE,
  })

  const { accessToken } = await connect(origin, browser(), ALICE, {
    parameters: { scope: 'company', resource: `${origin}/mcp/company` },
  })
  t.equal((await call('company', accessToken)).status, 200)
  t.match(await commandLine(env)('user', 'disable', ALICE), { code: 0 })
  const shown = verifying.shown.length
  for (const token of [accessToken, hers])
    await until('it is refused', async () => (await call('company', token)).status === 401)
  await commandLine(env)('user', 'disable', 'service:ci')
  await until('the service too', async () => (await call('notion', its)).status === 401)
  t.ok(verifying.shown.length >= shown)
})
