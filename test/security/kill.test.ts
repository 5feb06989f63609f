// Owns the proof that a process killed in the middle of a token request leaves a code or a refresh token usable elsewhere.

import t from 'tap'
import { hashToken } from '../../src/storage/hash.ts'
import { authorizationRequest, REDIRECT_URI, register } from '../support/oauth.ts'
import { startPostgresProxy } from '../support/postgres-proxy.ts'
import { refreshTokens } from '../support/refresh-tokens.ts'
import { type Fields, type Service, startService } from '../support/replicas.ts'
import { authorize, connect } from '../support/sign-in.ts'

const ALICE = 'alice@example.com'

t.test('another process finishes what a killed one had begun', async (t) => {
  const service = await startService(t)
  await service.createPerson(ALICE)
  const { client_id } = await register(service.publicUrl)
  const spendings = { 'a code exchange': newExchange, 'a refresh': newRefresh }

  for (const [what, begin] of Object.entries(spendings)) {
    const proxy = await startPostgresProxy(t, service.databaseUrl)
    const doomed = await service.startAnother(proxy.url)
    const rehearsal = await begin(service, client_id)
    const { length } = await proxy.record(() => doomed.token(rehearsal.fields))
    await service.db.deleteFrom('artifacts').where('model', '=', 'RefreshToken').execute()
    const { fields, spent } = await begin(service, client_id)
    const instead = () => {
      doomed.signal('SIGKILL')
      return doomed.ended
    }
    proxy.cutAt({ statement: length, mode: 'before', instead })

    await t.rejects(doomed.token(fields), `${what}, killed before its last statement: no answer`)

    t.match(await doomed.ended, { signal: 'SIGKILL' })
    t.same(await refreshTokens(service), spent.map(hashToken), 'nothing was issued')
    const repeated = await service.first.token(fields)
    t.equal(repeated.status, 200, 'the other process does it')
    const tokens = [...spent, String(repeated.body.refresh_token)]
    t.same(await refreshTokens(service), tokens.map(hashToken).sort(), 'once')
  }
})

interface Spending {
  readonly fields: Fields
  /** The refresh token that it spends. */
  readonly spent: readonly string[]
}

async function newExchange(service: Service, client_id: string): Promise<Spending> {
  const request = authorizationRequest(service.publicUrl, client_id)
  const code = (await authorize(service.browser(), request, ALICE)).get('code') ?? ''
  const proof = { code, code_verifier: request.verifier, redirect_uri: REDIRECT_URI }
  return { fields: { grant_type: 'authorization_code', client_id, ...proof }, spent: [] }
}

async function newRefresh(service: Service, client_id: string): Promise<Spending> {
  const client = { client_id }
  const { refreshToken } = await connect(service.publicUrl, service.browser(), ALICE, { client })
  const fields = { grant_type: 'refresh_token', client_id, refresh_token: refreshToken }
  return { fields, spent: [refreshToken] }
}
