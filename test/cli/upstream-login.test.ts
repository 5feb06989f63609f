// Owns the proofs of `gatehouse upstream login`, `logout` and `status`, on the real command line.

import t from 'tap'
import { fails } from '../support/command-line.ts'
import { startGuardedUpstream } from '../support/guarded-upstream.ts'
import { runGatehouse } from '../support/process.ts'
import { ALICE, DEVICE, pageOf, setCommandStage, statusOf } from '../support/upstream-commands.ts'
import { approveThere } from '../support/upstream-login.ts'

t.test('for a browser it prints the link, and every mistake is said', async (t) => {
  const upstream = await startGuardedUpstream(t, 'open')
  const { origin, gatehouse } = await setCommandStage(t, upstream, {})
  const login = ['upstream', 'login', 'notion']
  const { out } = await gatehouse(...login, '--user', ALICE)
  t.equal(out, `Open this link, signed in as ${ALICE}:\n${origin}/connect/notion\n`)
  const pasted = await gatehouse('upstream', 'login', 'pasted', '--user', ALICE, '--json')
  t.match(pasted.json, { link: `${origin}/connect/pasted` })

  await fails(t, gatehouse, login, /--user EMAIL/)
  await fails(t, gatehouse, [...login, '--user', 'nobody@example.com'], /There is nobody with the address/)
  await fails(t, gatehouse, [...login, '--shared'], /a login of their own/)
  await fails(
    t,
    gatehouse,
    [...login, '--user', ALICE, '--flow', 'pigeon'],
    /browser or device, not "pigeon"/,
  )
  await fails(t, gatehouse, ['upstream', 'login', 'pasted', '--user', ALICE, ...DEVICE], /takes a key/)
  await fails(t, gatehouse, ['upstream', 'login', 'plain', '--user', ALICE], /plain wants no login/)
  await fails(
    t,
    gatehouse,
    ['upstream', 'login', 'motion', '--user', ALICE],
    /want a login: notion, pasted\./,
  )
  await fails(t, gatehouse, ['upstream', 'login'], /Say `gatehouse upstream list`/)
  await fails(t, gatehouse, ['upstream', 'status', 'notion'], /Say `gatehouse upstream list`/)
  t.equal((await gatehouse('user', 'disable', ALICE)).code, 0)
  await fails(t, gatehouse, [...login, '--user', ALICE], /is disabled/)
  t.match((await gatehouse('upstream', '--help')).out, /--flow browser\|device/)
})

t.test('what is shared is made and ended for everybody', async (t) => {
  const upstream = await startGuardedUpstream(t, 'open')
  const { env, gatehouse } = await setCommandStage(t, upstream, { shared: true })
  t.match(await statusOf(gatehouse), [{ upstream: 'notion', user: null, state: 'needs_login' }])
  const login = ['upstream', 'login', 'notion', ...DEVICE]
  await fails(t, gatehouse, login, /Say --shared/)
  await fails(t, gatehouse, [...login, '--user', ALICE], /Say --shared instead of --user/)

  const shared = runGatehouse(t, [...login, '--shared'], { env })
  await approveThere(await pageOf(shared))

  t.match(await shared.ended, { code: 0 })
  t.match(shared.stdout(), 'Notion is connected for everybody.')
  t.match((await gatehouse('upstream', 'status')).out, /^notion\s+everybody\s+connected/)
  t.match(await statusOf(gatehouse, '--user', ALICE), [
    { upstream: 'notion', user: null, state: 'connected' },
    {},
  ])
  t.match((await gatehouse('upstream', 'logout', 'notion', '--shared')).out, /any more for everybody/)
  t.match(await statusOf(gatehouse), [{ upstream: 'notion', user: null, state: 'needs_login' }])
})
