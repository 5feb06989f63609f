// Owns the proof that two processes never spend one code or one refresh token twice. RACES=1000 makes it the long version.

import t from 'tap'
import { hashToken } from '../../src/storage/hash.ts'
import { holdArtifact } from '../support/held-row.ts'
import { authorizationRequest, REDIRECT_URI, register } from '../support/oauth.ts'
import { passTheGraceWindow, refreshTokens } from '../support/refresh-tokens.ts'
import { type Fields, startReplicas, type TokenAnswer, type TwoReplicas } from '../support/replicas.ts'
import { authorize, connect } from '../support/sign-in.ts'

const RACES = Number(process.env.RACES ?? 20)
/** As many as both processes have connections, so that all of them can stand at the same row. */
const RACERS = 20
const ALICE = 'alice@example.com'

t.setTimeout(240_000 + RACES * 2_000)

t.test(`of ${RACERS} requests for one code one succeeds, ${RACES} times`, async (t) => {
  // A quick machine makes more than one person would in a minute.
  const service = await startReplicas(t, { env: { RATE_AUTHORIZE_PER_ADDRESS: 'off' } })
  await service.createPerson(ALICE)
  const { client_id } = await register(service.publicUrl)
  const browser = service.browser()
  const newCode = async () => {
    const request = authorizationRequest(service.publicUrl, client_id)
    const code = (await authorize(browser, request, ALICE)).get('code') ?? ''
    const fields = { code, code_verifier: request.verifier, redirect_uri: REDIRECT_URI }
    return { code, fields: { grant_type: 'authorization_code', client_id, ...fields } }
  }

  for (let turn = 0; turn < RACES; turn++) {
    const { code, fields } = await newCode()
    const answers = await raceFromOneLine(service, fields, { model: 'AuthorizationCode', token: code })
    const [won, ...others] = answers.filter(({ status }) => status === 200)
    t.same(others, [], 'one success')
    t.same(
      answers.filter(({ body }) => body.error === 'invalid_grant').length,
      RACERS - 1,
      'the others are refused',
    )
    t.same(await refreshTokens(service), [hashToken(String(won?.body.refresh_token))], 'one token set')
    await forgetTokens(service)
  }

  let kept = 0
  for (let turn = 0; turn < RACES; turn++) {
    const { fields } = await newCode()
    const answers = await race(service, fields)
    const told = answers.map(({ status, body }) => `${status} ${body.error ?? ''}`)
    t.equal(
      told.filter((each) => each.startsWith('200')).length,
      1,
      `also when each starts as it can: ${told}`,
    )
    const rows = await refreshTokens(service)
    t.ok(rows.length <= 1)
    kept += rows.length
    await forgetTokens(service)
  }
  t.comment(
    `the winner kept its tokens in ${kept} of ${RACES}: else a loser came only after it, which is a replay`,
  )
})

t.test(`${RACERS} requests with one refresh token get one successor, ${RACES} times`, async (t) => {
  const service = await startReplicas(t)
  await service.createPerson(ALICE)
  const { client, refreshToken } = await connect(service.publicUrl, service.browser(), ALICE)
  const fieldsOf = (refresh_token: string): Fields => {
    return { grant_type: 'refresh_token', client_id: client.client_id, refresh_token }
  }
  const chain = [refreshToken]

  for (let turn = 0; turn < RACES; turn++) {
    const token = chain.at(-1) ?? ''
    const answers =
      turn % 2 === 0
        ? await raceFromOneLine(service, fieldsOf(token), { model: 'RefreshToken', token })
        : await race(service, fieldsOf(token))
    t.ok(
      answers.every(({ status }) => status === 200),
      'all succeed',
    )
    const successors = new Set(answers.map(({ body }) => String(body.refresh_token)))
    t.equal(successors.size, 1, 'with the same successor')
    chain.push(...successors)
    t.same(await refreshTokens(service), chain.map(hashToken).sort(), 'and one row for it')
  }

  const [one] = service.replicas
  const alive = await one.token(fieldsOf(chain.at(-1) ?? ''))
  t.equal(alive.status, 200, 'the family is alive')
  await passTheGraceWindow(service, refreshToken)
  t.match(await one.token(fieldsOf(refreshToken)), { status: 400, body: { error: 'invalid_grant' } })
  t.same(await refreshTokens(service), [], 'until one comes back after its grace window')
})

function race({ replicas }: TwoReplicas, fields: Fields): Promise<TokenAnswer[]> {
  return Promise.all(
    Array.from({ length: RACERS }, (_, index) => replicas[index % 2 === 0 ? 0 : 1].token(fields)),
  )
}

/** Nobody goes on before all of them stand at the statement that only one can win. */
async function raceFromOneLine(
  service: TwoReplicas,
  fields: Fields,
  { model, token }: { model: string; token: string },
): Promise<TokenAnswer[]> {
  const line = await holdArtifact(service.db, model, token)
  const racing = race(service, fields)
  await line.untilWaiting(RACERS)
  await line.release()
  return racing
}

async function forgetTokens({ db }: TwoReplicas): Promise<void> {
  await db.deleteFrom('artifacts').where('model', '=', 'RefreshToken').execute()
}
