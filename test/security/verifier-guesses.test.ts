// Owns the proof that a verifier is not guessed: not by trying, and not by strangers using a code up (PK-05, CD-03, CD-10).

import t from 'tap'
import { build, type Running } from '../support/gatehouse.ts'
import { authorizationRequest, type Registered, register } from '../support/oauth.ts'
import { authorize, type Redemption, redeem } from '../support/sign-in.ts'

const WRONG = { code_verifier: 'x'.repeat(43) }

async function setUp({ origin, createPerson, browser }: Running) {
  await createPerson('alice@example.com')
  const desk = browser()
  return async (client: Registered): Promise<Redemption> => {
    const request = authorizationRequest(origin, client.client_id)
    const code = (await authorize(desk, request, 'alice@example.com')).get('code') ?? ''
    return { client, code, verifier: request.verifier }
  }
}

t.test('a client that was confused a few times still gets its tokens, a guesser has ten tries', async (t) => {
  const running = await build(t)
  const { origin } = running
  const codeFor = await setUp(running)
  const client = await register(origin)
  const tries = async (count: number, fields: Record<string, string | undefined> = WRONG) => {
    const redemption = await codeFor(client)
    const answers = []
    for (let at = 0; at < count; at++) answers.push(await redeem(origin, redemption, fields))
    for (const { status, body } of answers)
      t.match({ status, body }, { status: 400, body: { error: 'invalid_grant' } })
    return (await redeem(origin, redemption)).status
  }

  t.equal(await tries(9), 200)
  t.equal(await tries(9, { code_verifier: undefined }), 200, 'without any')
  t.equal(await tries(10), 400, 'the code is gone')
})

t.test('who is not the client cannot use its code up', async (t) => {
  const running = await build(t)
  const { origin } = running
  const codeFor = await setUp(running)
  const redemption = await codeFor(await register(origin))
  const stranger = await register(origin, { client_name: 'Stranger' })
  const confidential = await register(origin, { token_endpoint_auth_method: 'client_secret_post' })
  const strangers = [
    { client_id: stranger.client_id },
    { client_id: confidential.client_id, client_secret: confidential.client_secret },
    { redirect_uri: 'http://127.0.0.1:33001/callback' },
    { resource: 'https://bank.example/' },
  ]

  for (let at = 0; at < 12; at++) {
    for (const fields of strangers) t.equal((await redeem(origin, redemption, fields)).status, 400)
  }
  t.equal((await redeem(origin, redemption)).status, 200)
})
