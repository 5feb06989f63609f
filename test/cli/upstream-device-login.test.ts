// Owns the proofs of `gatehouse upstream login --flow device`, on the real command line.

import { join } from 'node:path'
import t from 'tap'
import { callMe } from '../support/calling-upstream.ts'
import { commandLine, fails } from '../support/command-line.ts'
import { prepareTestDatabase } from '../support/database.ts'
import { STATIC_CLIENT } from '../support/guarded-upstream/manners.ts'
import { startGuardedUpstream } from '../support/guarded-upstream.ts'
import { runGatehouse } from '../support/process.ts'
import { connect } from '../support/sign-in.ts'
import { ALICE, DEVICE, pageOf, setCommandStage, statusOf } from '../support/upstream-commands.ts'
import { approveThere } from '../support/upstream-login.ts'

for (const manner of ['open', 'company'] as const) {
  t.test(`a machine without a browser logs in by a code, and out again (${manner})`, async (t) => {
    const upstream = await startGuardedUpstream(t, manner)
    const client = { client_id: STATIC_CLIENT.id, client_secret: STATIC_CLIENT.secret, resource: false }
    const { origin, browser, env, gatehouse } = await setCommandStage(
      t,
      upstream,
      manner === 'company' ? client : {},
    )
    t.match(await statusOf(gatehouse, '--user', ALICE), [
      { upstream: 'notion', state: 'needs_login', since: null },
      {},
    ])
    const command = ['upstream', 'login', 'notion', '--user', ALICE, ...DEVICE]
    const login = runGatehouse(t, command, { env })

    t.match(await approveThere(await pageOf(login)), /success/i)

    t.same(await login.ended, { code: 0, signal: null }, login.stderr())
    t.match(login.stdout(), /enter the code \S+[\s\S]+Notion is connected for alice@example\.com\.\n$/)
    const { accessToken } = await connect(origin, browser(), ALICE, {
      parameters: { scope: 'notion', resource: `${origin}/mcp/notion` },
    })
    t.match((await callMe(origin, origin, accessToken, '/mcp/notion')).text, /you are carol/)
    const [line] = [await statusOf(gatehouse)].flat()
    t.match(line, { upstream: 'notion', user: ALICE, state: 'connected', since: /^20/ })
    const { out } = await gatehouse('upstream', 'status')
    t.match(out, /^notion\s+alice@example\.com\s+connected\s+since 20.*last used .*tools/)
    const { secrets } = await upstream.control()
    t.ok(secrets.length >= 2)
    for (const secret of secrets) t.notOk((out + login.stdout() + login.stderr()).includes(secret))

    t.match(await gatehouse('upstream', 'logout', 'notion', '--user', ALICE), {
      out: 'Notion is not connected any more for alice@example.com.\n',
    })

    t.ok((await upstream.control()).revocations >= 1)
    t.match(await gatehouse('upstream', 'logout', 'notion', '--user', ALICE), {
      code: 0,
      out: /was not connected/,
    })
    t.match(await gatehouse('upstream', 'status'), {
      out: '',
      err: 'Nobody has logged in at an upstream.\n',
    })
  })
}

t.test('what is refused or not to be had over there is one clear line', async (t) => {
  const upstream = await startGuardedUpstream(t, 'open')
  const { env, gatehouse } = await setCommandStage(t, upstream, {})
  const login = ['upstream', 'login', 'notion', '--user', ALICE, ...DEVICE, '--json']
  const refused = runGatehouse(t, login, { env })
  await approveThere(await pageOf(refused), 'carol', 'no')
  t.match(await refused.ended, { code: 1 })
  t.match(refused.stderr(), /\nAccess was denied at 127\.0\.0\.1:\d+\.\n$/)
  t.equal(refused.stdout(), '')

  const without = {
    ...env,
    UPSTREAMS: env.UPSTREAMS.replace(
      '"oauth2"',
      '"oauth2","token_endpoint":"http://127.0.0.1:9/t","authorization_endpoint":"http://127.0.0.1:9/a","client_id":"x"',
    ),
  }
  await fails(
    t,
    commandLine(without),
    login,
    /^127\.0\.0\.1:9 has no login for devices\. Log in with a browser\.$/m,
  )

  const accepted = runGatehouse(t, login, { env })
  await approveThere(await pageOf(accepted))
  t.match(await accepted.ended, { code: 0 })
  t.same(JSON.parse(accepted.stdout()), { upstream: 'notion', user: ALICE, connected: true })
  t.match(await statusOf(gatehouse), [{ upstream: 'notion', user: ALICE, state: 'connected' }])
})

t.test('with the embedded database it works while the service is stopped', async (t) => {
  const upstream = await startGuardedUpstream(t, 'open')
  const database = await prepareTestDatabase(t, { kind: 'embedded' })
  if (database.kind !== 'embedded') throw new Error('not the embedded database')
  const UPSTREAMS = JSON.stringify({ notion: { url: upstream.url, auth: { type: 'oauth2' } } })
  const env = { DATA_DIR: join(database.directory, '..'), UPSTREAMS }
  const gatehouse = commandLine(env)
  t.equal((await gatehouse('user', 'create', ALICE)).code, 0)
  const login = runGatehouse(t, ['upstream', 'login', 'notion', '--user', ALICE, ...DEVICE], { env })
  const page = await pageOf(login)
  await fails(t, gatehouse, ['upstream', 'status'], /in use by process \d+/)
  await approveThere(page)
  t.match(await login.ended, { code: 0 })
  t.match((await gatehouse('upstream', 'status')).out, /^notion\s+alice@example\.com\s+connected/)
})
