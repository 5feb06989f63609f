// Owns the proof that a token request that breaks anywhere can be repeated, and issues nothing twice.

import t, { type Test } from 'tap'
import { openDatabase } from '../../src/storage/database.ts'
import { hashToken } from '../../src/storage/hash.ts'
import { prepareTestDatabase } from '../support/database.ts'
import { build, createPerson } from '../support/gatehouse.ts'
import { type Answer, authorizationRequest, register } from '../support/oauth.ts'
import { type PostgresProxy, startPostgresProxy } from '../support/postgres-proxy.ts'
import { authorize, connect, redeem, refresh } from '../support/sign-in.ts'

const ALICE = 'alice@example.com'

/** Something to spend, and the request that spends it. */
interface Attempt {
  readonly spend: () => Promise<Answer>
  /** Hashes of the refresh tokens there are afterwards, given the one in the answer. */
  readonly tokensAfter: (successor: string) => readonly string[]
}

interface Stage {
  readonly proxy: PostgresProxy
  readonly refreshTokens: () => Promise<readonly string[]>
  readonly forgetTokens: () => Promise<unknown>
  readonly newExchange: () => Promise<Attempt>
  readonly newRefresh: () => Promise<Attempt>
}

/** A service whose connections to the database go over a wire that the test can cut. */
async function setStage(t: Test): Promise<Stage> {
  const config = await prepareTestDatabase(t)
  if (config.kind !== 'postgres') throw new Error('not PostgreSQL')
  const direct = await openDatabase(config)
  t.teardown(() => direct.close())
  const proxy = await startPostgresProxy(t, config.url)
  const storage = await openDatabase({ kind: 'postgres', url: proxy.url })
  t.teardown(() => storage.close())
  const { origin, browser } = await build(t, { overrides: { storage } })
  await createPerson(direct.db, ALICE)
  const client = await register(origin)
  const alice = browser()
  const tokens = direct.db.selectFrom('artifacts').where('model', '=', 'RefreshToken')

  return {
    proxy,
    refreshTokens: async () =>
      (await tokens.select('id_hash').execute()).map(({ id_hash }) => id_hash).sort(),
    forgetTokens: () => direct.db.deleteFrom('artifacts').where('model', '=', 'RefreshToken').execute(),
    async newExchange() {
      const { url, verifier, state } = authorizationRequest(origin, client.client_id)
      const code = (await authorize(alice, { url, verifier, state }, ALICE)).get('code') ?? ''
      return {
        spend: () => redeem(origin, { client, code, verifier }),
        tokensAfter: (successor) => [hashToken(successor)],
      }
    },
    async newRefresh() {
      const { refreshToken } = await connect(origin, alice, ALICE, { client })
      return {
        spend: () => refresh(origin, client.client_id, refreshToken),
        tokensAfter: (successor) => [refreshToken, successor].map(hashToken).sort(),
      }
    },
  }
}

for (const what of ['newExchange', 'newRefresh'] as const) {
  const name = what === 'newExchange' ? 'a code exchange' : 'a refresh'

  t.test(
    `${name} whose connection breaks between any two statements succeeds when it is repeated`,
    async (t) => {
      const stage = await setStage(t)
      const statements = await stage.proxy.record((await stage[what]()).spend)
      t.comment(`${statements.length} statements`)

      for (const [index, statement] of statements.entries()) {
        for (const mode of ['before', 'after'] as const) {
          // When the last one was carried out, the request was too: see below.
          if (index === statements.length - 1 && mode === 'after') continue
          await stage.forgetTokens()
          const attempt = await stage[what]()
          const before = await stage.refreshTokens()
          stage.proxy.cutAt({ statement: index + 1, mode })

          const broken = await attempt.spend()

          const at = `${mode} ${index + 1}: ${statement.trim().slice(0, 40)}`
          t.match(broken, { status: 503, body: { error: 'temporarily_unavailable' } }, at)
          t.ok(broken.headers.get('retry-after'))
          t.same(await stage.refreshTokens(), before, 'nothing was issued')
          await expectSuccess(t, stage, attempt)
        }
      }
    },
  )
}

async function expectSuccess(t: Test, { refreshTokens }: Stage, attempt: Attempt): Promise<void> {
  const repeated = await attempt.spend()
  t.equal(repeated.status, 200, 'repeated, it succeeds')
  t.same(await refreshTokens(), attempt.tokensAfter(String(repeated.body.refresh_token)), 'and issued once')
}

t.test(
  'a refresh that was carried out, though nobody heard of it, is repeated with the same successor',
  async (t) => {
    const stage = await setStage(t)
    const { length } = await stage.proxy.record((await stage.newRefresh()).spend)
    await stage.forgetTokens()
    const attempt = await stage.newRefresh()
    stage.proxy.cutAt({ statement: length, mode: 'after' })

    t.match(await attempt.spend(), { status: 503 })

    const stored = await stage.refreshTokens()
    t.equal(stored.length, 2, 'the successor is there')
    await expectSuccess(t, stage, attempt)
    t.same(await stage.refreshTokens(), stored, 'and is the one that is told now')
  },
)

t.test('an exchange that was carried out, though nobody heard of it, has spent the code', async (t) => {
  const stage = await setStage(t)
  const { length } = await stage.proxy.record((await stage.newExchange()).spend)
  await stage.forgetTokens()
  const attempt = await stage.newExchange()
  stage.proxy.cutAt({ statement: length, mode: 'after' })

  t.match(await attempt.spend(), { status: 503 })
  t.equal((await stage.refreshTokens()).length, 1, 'what nobody received is there')

  // RFC 6749 §4.1.2: a code is good for one use, whoever lost the answer.
  t.match(await attempt.spend(), { status: 400, body: { error: 'invalid_grant' } })
  t.same(await stage.refreshTokens(), [], 'and is revoked')
  t.match(await (await stage.newExchange()).spend(), { status: 200 })
})
