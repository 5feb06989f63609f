// Owns the proof that one address cannot try tokens, or begin to connect apps, as often as it likes; and that its neighbours can.

import t from 'tap'
import { call } from '../gateway/stage.ts'
import { build } from '../support/gatehouse.ts'
import { authorizationRequest, register } from '../support/oauth.ts'
import { connect } from '../support/sign-in.ts'

const ALICE = 'alice@example.com'
const HEADERS = { accept: 'application/json, text/event-stream', 'content-type': 'application/json' }

t.test(
  'an address whose tokens are not accepted is told to wait; a good one is let in from there',
  async (t) => {
    const env = { TRUST_PROXY: 'loopback', RATE_REFUSED_PER_ADDRESS: '3/m' }
    const { origin, browser, createPerson } = await build(t, { env })
    await createPerson(ALICE)
    const ask = async (address: string, token?: string) => {
      const authorization = token === undefined ? {} : { authorization: `Bearer ${token}` }
      const headers = { ...HEADERS, ...authorization, 'x-forwarded-for': address }
      return fetch(`${origin}/mcp`, { method: 'POST', headers, body: JSON.stringify(call('tools/list')) })
    }
    for (let n = 0; n < 3; n++) t.equal((await ask('192.0.2.1', `invented-${n}`)).status, 401)
    const late = await ask('192.0.2.1', 'invented')
    t.equal(late.status, 429)
    t.ok(Number(late.headers.get('retry-after')) > 0)
    t.match(await late.json(), { jsonrpc: '2.0', error: { code: 429, message: /from your address/ } })
    t.equal((await ask('192.0.2.1')).status, 401, 'who has no token yet learns where to get one')
    t.equal((await ask('192.0.2.2', 'invented')).status, 401, 'another address')
    const { accessToken } = await connect(origin, browser(), ALICE)
    t.not((await ask('192.0.2.1', accessToken)).status, 429)
    t.not((await ask('192.0.2.1', accessToken)).status, 401)
  },
)

t.test('one address begins to connect apps so many times in a while, and the others still do', async (t) => {
  const env = { TRUST_PROXY: 'loopback', RATE_AUTHORIZE_PER_ADDRESS: '3/m' }
  const { origin } = await build(t, { env })
  const { client_id } = await register(origin)
  const begin = (address: string) => {
    const headers = { 'x-forwarded-for': address }
    return fetch(authorizationRequest(origin, client_id).url, { headers, redirect: 'manual' })
  }
  for (let n = 0; n < 3; n++) t.equal((await begin('192.0.2.1')).status, 303)
  const late = await begin('192.0.2.1')
  t.equal(late.status, 429)
  t.ok(Number(late.headers.get('retry-after')) > 0)
  t.match(await late.text(), /from your address/)
  t.equal((await begin('192.0.2.2')).status, 303)
})
