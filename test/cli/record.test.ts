// Owns the record of what operators did at the command line: it is in the log of the service, once, with the events of browsers.

import t from 'tap'
import { startGuardedUpstream } from '../support/guarded-upstream.ts'
import { runGatehouse } from '../support/process.ts'
import { until } from '../support/until.ts'
import { ALICE, DEVICE, pageOf, setCommandStage } from '../support/upstream-commands.ts'
import { approveThere } from '../support/upstream-login.ts'

t.test('what commands change is in the log of a running service, by whom and when', async (t) => {
  const upstream = await startGuardedUpstream(t, 'open')
  const { env, gatehouse, log } = await setCommandStage(t, upstream, {}, { commandEventsPollMs: 50 })
  const recorded = (event: string) =>
    log()
      .split('\n')
      .filter((line) => line.includes(`"event":"${event}"`) && line.includes('"by":"command"'))

  t.match(await gatehouse('user', 'list'), { code: 0 })
  t.match(await gatehouse('user', 'group', 'remove', ALICE, 'staff'), { code: 0 }, 'it changes nothing')
  t.match(await gatehouse('user', 'group', 'add', ALICE, 'staff'), { code: 0 })
  t.match(await gatehouse('user', 'create', 'bob@example.com', '--admin'), { code: 0 })
  t.match(await gatehouse('user', 'disable', 'bob@example.com'), { code: 0 })
  t.match(await gatehouse('user', 'disable', 'bob@example.com'), { code: 0 }, 'again')
  t.match(await gatehouse('user', 'enable', 'bob@example.com'), { code: 0 })
  const made = await gatehouse('key', 'create', '--user', ALICE, '--name', 'ci', '--scope', 'plain', '--json')
  t.match(await gatehouse('key', 'revoke', String(made.json.id)), { code: 0 })
  t.match(await gatehouse('keys', 'rotate'), { code: 0 })
  const client = ['client', 'create', '--id', 'desk', '--name', 'Desk', '--redirect'] as const
  for (const redirect of ['https://desk.example/one', 'https://desk.example/two', 'https://desk.example/two'])
    t.match(await gatehouse(...client, redirect), { code: 0 })
  t.match(await gatehouse('client', 'delete', 'desk'), { code: 0 })
  t.match(await gatehouse('client', 'delete', 'desk'), { code: 1 }, 'it is gone')
  const opening = await gatehouse('client', 'token', 'create', '--name', 'partner', '--json')
  t.match(await gatehouse('client', 'token', 'revoke', String(opening.json.id)), { code: 0 })
  const login = runGatehouse(t, ['upstream', 'login', 'notion', '--user', ALICE, ...DEVICE], { env })
  await approveThere(await pageOf(login))
  t.match(await login.ended, { code: 0 })
  t.match(await gatehouse('token', 'revoke-all'), { code: 0 })
  for (const _ of ['it was there', 'it is gone'])
    t.match(await gatehouse('upstream', 'logout', 'notion', '--user', ALICE), { code: 0 })

  await until('the last one is there', () => recorded('upstream.disconnected').length > 0)

  const once = ['group.joined', 'user.created', 'user.disabled', 'user.enabled', 'api_key.created']
  const more = ['api_key.revoked', 'signing_keys.changed', 'upstream.connected', 'upstream.disconnected']
  const ofClients = ['client.created', 'client.changed', 'client.deleted']
  const ofTokens = ['registration_token.created', 'registration_token.revoked', 'everything.revoked']
  for (const event of [...once, ...more, ...ofClients, ...ofTokens]) t.equal(recorded(event).length, 1, event)
  t.same(recorded('group.left'), [])
  const [connected = ''] = recorded('upstream.connected')
  t.match(JSON.parse(connected), { audit: true, userId: /^usr_/, upstream: 'notion', happenedAt: /^20/ })
  const [deleted = ''] = recorded('client.deleted')
  t.match(JSON.parse(deleted), { clientId: 'desk', operator: String })
  for (const secret of [made.json.key, opening.json.token]) t.notMatch(log(), String(secret))
})
