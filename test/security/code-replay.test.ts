// Owns what a second use of an authorization code does: later, it ends what the code produced; at the same moment, it does not.

import { request } from 'node:http'
import { text } from 'node:stream/consumers'
import t from 'tap'
import { createCodeRace } from '../../src/authorization-server/code-race.ts'
import { INITIALIZE, post } from '../demo/wire.ts'
import { build, type Running } from '../support/gatehouse.ts'
import { authorizationRequest, REDIRECT_URI, register } from '../support/oauth.ts'
import { authorize, type Redemption, redeem, refresh } from '../support/sign-in.ts'

const ALICE = 'alice@example.com'

t.test('a replayed code revokes the tokens it produced', async (t) => {
  const running = await build(t)
  const redemption = await codeFor(running)
  const first = await redeem(running.origin, redemption)
  t.match(await uses(running, redemption, first.body), { call: 200, refresh: 200 })

  const replay = await redeem(running.origin, redemption)

  t.match(replay, { status: 400, body: { error: 'invalid_grant' } })
  t.match(await uses(running, redemption, first.body), { call: 401, refresh: 400 })
  t.same(await grantsOf(running), [])
  t.match(running.log(), '"event":"grant.revoked"')
})

t.test('who was already there when the code was spent is refused, and revokes nothing', async (t) => {
  const running = await build(t)
  const redemption = await codeFor(running)
  const slow = await beginRedeeming(running, redemption)
  const first = await redeem(running.origin, redemption)

  const loser = await slow.finish()

  t.match(loser, { status: 400, body: { error: 'invalid_grant' } })
  t.match(await uses(running, redemption, first.body), { call: 200, refresh: 200 })
  t.equal((await grantsOf(running)).length, 1)
})

t.test('before it was spent, or after', (t) => {
  const { isLost } = createCodeRace()
  const spent = (secondsSinceConsumed: number | null) => ({
    model: 'AuthorizationCode',
    idHash: '',
    payload: {},
    sealedId: null,
    successorSealed: null,
    consumedAt: null,
    secondsSinceConsumed,
  })
  t.equal(isLost(spent(0.01), 0.02), true, 'it waited for longer than the code has been spent')
  t.equal(isLost(spent(0.02), 0.01), false, 'the code was spent when it came')
  t.equal(isLost(spent(0.01), 0), false, 'outside a request nobody waits')
  t.equal(isLost(spent(null), 1), false)
  t.end()
})

async function codeFor({ origin, createPerson, browser }: Running): Promise<Redemption> {
  await createPerson(ALICE)
  const client = await register(origin)
  const { url, verifier, state } = authorizationRequest(origin, client.client_id)
  const callback = await authorize(browser(), { url, verifier, state }, ALICE)
  return { client, code: callback.get('code') ?? '', verifier }
}

/** What the tokens are still good for. */
async function uses({ origin }: Running, { client }: Redemption, tokens: Readonly<Record<string, unknown>>) {
  const call = await post(`${origin}/mcp`, INITIALIZE, { authorization: `Bearer ${tokens.access_token}` })
  const { status } = await refresh(origin, client.client_id, String(tokens.refresh_token))
  return { call: call.status, refresh: status }
}

function grantsOf({ db }: Running) {
  return db.selectFrom('artifacts').select('id_hash').where('model', '=', 'Grant').execute()
}

/** A redemption that has arrived, and whose body is still on its way. */
async function beginRedeeming({ origin }: Running, { client, code, verifier }: Redemption) {
  const body = new URLSearchParams({
    grant_type: 'authorization_code',
    client_id: client.client_id,
    code,
    code_verifier: verifier,
    redirect_uri: REDIRECT_URI,
  }).toString()
  const headers = {
    'content-type': 'application/x-www-form-urlencoded',
    'content-length': body.length,
    expect: '100-continue',
  }
  const sent = request(`${origin}/token`, { method: 'POST', headers })
  const answered = new Promise<{ status: number | undefined; body: unknown }>((resolve, reject) => {
    sent.once('error', reject)
    sent.once('response', async (response) =>
      resolve({ status: response.statusCode, body: JSON.parse(await text(response)) }),
    )
  })
  sent.flushHeaders()
  // The server has the head of the request once it asks for the rest (RFC 9110 §10.1.1).
  await new Promise<void>((resolve) => sent.once('continue', resolve))
  return {
    finish() {
      sent.end(body)
      return answered
    },
  }
}
