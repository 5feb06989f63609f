// Owns tokens of upstreams that are bound to a key (RFC 9449): asked for, proven with each call, renewed, and of no use to a thief.

import t from 'tap'
import { SDK_CLIENTS } from '../support/calling-clients.ts'
import { callMe } from '../support/calling-upstream.ts'
import { startGuardedUpstream } from '../support/guarded-upstream.ts'
import { startOwnLoginUpstream } from '../support/own-login-upstream.ts'
import { connect } from '../support/sign-in.ts'
import { logIn, startBefore } from '../support/upstream-login.ts'

const ALICE = 'alice@example.com'
const SCOPE = { parameters: { scope: 'notion' } }
const CAROL = { status: 200, text: /you are carol/ }

for (const [who, start] of SDK_CLIENTS) {
  t.test(`each call proves that its token is ours (${who})`, async (t) => {
    const upstream = await startGuardedUpstream(t, 'bound')
    const running = await startBefore(t, upstream, { type: 'oauth2' })
    const { origin, browser, log } = running
    const desk = browser()
    const { accessToken } = await connect(origin, desk, ALICE, SCOPE)
    await logIn(running, desk)
    const client = await start(`${origin}/mcp`, accessToken, async () => ({}))
    t.teardown(() => client.close())

    t.match(await client.call('me'), { text: 'you are carol' })
    await upstream.control({ nonce: 'first-nonce' })
    t.match(await client.call('me'), { text: 'you are carol' }, 'a nonce that it did not know')
    const { presented, refused } = await upstream.control({ nonce: 'another-nonce' })
    t.match(await client.call('me'), { text: 'you are carol' }, 'another one')
    t.ok(presented.every((each) => each.startsWith('DPoP ')))
    t.equal(refused, 1, 'the token endpoint named its nonce once')

    const stolen = presented.at(-1)?.slice('DPoP '.length) ?? ''
    for (const scheme of ['Bearer', 'DPoP']) {
      const headers = { authorization: `${scheme} ${stolen}` }
      t.equal((await fetch(upstream.url, { method: 'POST', headers, body: '{}' })).status, 401, scheme)
    }
    t.notMatch(log(), stolen)
  })
}

t.test('what is bound is renewed with the same key, once for everybody', async (t) => {
  const upstream = await startGuardedUpstream(t, 'bound')
  const running = await startBefore(t, upstream, { type: 'oauth2' })
  const { origin, browser } = running
  const desk = browser()
  const { accessToken } = await connect(origin, desk, ALICE, SCOPE)
  await logIn(running, desk)
  const call = () => callMe(origin, origin, accessToken)
  t.match(await call(), CAROL)

  await upstream.control({ end: 'access', nonce: 'new-nonce' })
  await new Promise((resolve) => setTimeout(resolve, 1100))
  const answers = await Promise.all(Array.from({ length: 10 }, call))

  t.ok(answers.every(({ status }) => status === 200))
  t.equal((await upstream.control()).refreshes, 1)
})

t.test('where the upstream does not say that it takes proofs, its tokens are bearer tokens', async (t) => {
  const upstream = await startGuardedUpstream(t, 'open')
  const running = await startBefore(t, upstream, { type: 'oauth2' })
  const { origin, browser } = running
  const desk = browser()
  const { accessToken } = await connect(origin, desk, ALICE, SCOPE)
  await logIn(running, desk)
  t.match(await callMe(origin, origin, accessToken), CAROL)
  const { presented } = await upstream.control()
  t.ok(presented.length > 0 && presented.every((each) => each.startsWith('Bearer ')))
})

t.test('who insists on it takes no token that is bound to nothing', async (t) => {
  for (const [dpop, status, why] of [
    [true, 502, 'a token that anybody could use'],
    [false, 200, '"outcome":"answered"'],
  ] as const) {
    const upstream = await startOwnLoginUpstream(t)
    upstream.letIn(async () => 300)
    const own = { type: 'oauth2', grant: 'client_credentials', client_id: 'g', client_secret: 's' }
    const { origin, browser, log } = await startBefore(t, upstream, { ...own, dpop })
    const { accessToken } = await connect(origin, browser(), ALICE, SCOPE)
    t.equal((await callMe(origin, origin, accessToken)).status, status)
    t.match(log(), why)
    t.equal(upstream.asked[0]?.dpop !== undefined, dpop)
  }
})
