// Owns the proof that more token requests than the database takes are told to come back, in time, and that it recovers at once.

import t from 'tap'
import { build } from '../support/gatehouse.ts'
import { holdArtifact } from '../support/held-row.ts'
import type { Answer } from '../support/oauth.ts'
import { connect, refresh } from '../support/sign-in.ts'
import { until } from '../support/until.ts'

const ALICE = 'alice@example.com'
const CROWD = 200
/** Of them those that have one of the ten connections to the database wait for the row, and the others for a connection. */
const MOST = CROWD * 0.9

t.test(
  'hundreds of token requests that wait for one row are refused in time, and nobody waits after that',
  async (t) => {
    const { origin, browser, createPerson, db } = await build(t)
    await createPerson(ALICE)
    const held = await connect(origin, browser(), ALICE)
    const other = await connect(origin, browser(), ALICE)
    const row = await holdArtifact(db, 'RefreshToken', held.refreshToken)
    const refused: Answer[] = []
    const crowd = Array.from({ length: CROWD }, async () => {
      const answer = await refresh(origin, held.client.client_id, held.refreshToken)
      if (answer.status !== 200) refused.push(answer)
    })
    await until('most are refused', () => refused.length >= MOST)
    t.same([...new Set(refused.map(({ status }) => status))], [503])
    t.same([...new Set(refused.map(({ body }) => body.error))], ['temporarily_unavailable'])
    t.ok(refused.every(({ headers }) => Number(headers.get('retry-after')) > 0))
    await row.release()
    await Promise.all(crowd)
    const recovering = performance.now()
    for (const { client, refreshToken } of [other, held])
      t.equal((await refresh(origin, client.client_id, refreshToken)).status, 200)
    t.ok(performance.now() - recovering < 5000)
  },
)
