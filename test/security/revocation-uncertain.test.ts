// Owns the proof that nothing passes on old knowledge: while a replica cannot be certain what was revoked, it asks or refuses.

import { sql } from 'kysely'
import t, { type Test } from 'tap'
import type { Database } from '../../src/storage/database.ts'
import { LISTENER_NAME } from '../../src/storage/listener.ts'
import * as revocations from '../../src/storage/revocations.ts'
import { type DatabasePath, startDatabasePath } from '../support/database-path.ts'
import { startHostileUpstream } from '../support/hostile-upstream.ts'
import { callAt, startReplicas } from '../support/two-replicas.ts'
import { until } from '../support/until.ts'

const LISTENERS = 4

async function scene(t: Test) {
  const upstream = await startHostileUpstream(t)
  const paths: DatabasePath[] = []
  const replicas = await startReplicas(t, {
    upstream: upstream.url,
    reach: async (url) => {
      const path = await startDatabasePath(t, url)
      paths.push(path)
      return path.url
    },
  })
  const [path] = paths
  if (!path) throw new Error('no path')
  const call = async (gid: string) => callAt(replicas.second, replicas.origin, await replicas.token({ gid }))
  const status = async (gid: string) => (await call(gid)).status
  // Each replica has one for revocations and one for mail; they are opened in the background.
  await until('all listen', async () => (await listeners(replicas.db)).length === LISTENERS)
  return { ...replicas, path, call, status }
}

/** The connections that listen, as the database sees them. */
async function listeners(db: Database) {
  const { rows } = await sql<{ pid: number; port: number }>`
    select pid, client_port as port from pg_stat_activity
    where application_name = ${LISTENER_NAME} and datname = current_database()`.execute(db)
  return rows
}

/** More than a second: one in which this machine does something else is not ours. */
const NEVER_MS = 5000

/** How long it takes until it is refused, at most NEVER_MS. */
async function refusal(status: () => Promise<number>): Promise<number> {
  const committed = performance.now()
  const taken = () => performance.now() - committed
  while ((await status()) === 200) if (taken() > NEVER_MS) break
  return taken()
}

/** Revokes grants one after the other for a while; each must be refused in time, most within a second, and another must pass. */
async function watchFor(ms: number, db: Database, status: (gid: string) => Promise<number>) {
  const taken: number[] = []
  const answers = new Set<number>()
  const end = performance.now() + ms
  while (performance.now() < end) {
    const gid = `grant-${Math.random()}`
    answers.add(await status(gid))
    await revocations.revoke(db, 'grant', gid)
    taken.push(await refusal(() => status(gid)))
    answers.add(await status('grant-that-stands'))
  }
  const [median = NEVER_MS, slowest = NEVER_MS] = [0.5, 1].map(
    (part) => taken.toSorted((a, b) => a - b)[Math.ceil(part * taken.length) - 1],
  )
  return { median, slowest, answers }
}

t.test('the connection that listens is ended by the server: revoked is refused, good passes', async (t) => {
  const { db, status } = await scene(t)
  const before = await listeners(db)
  await sql`select pg_terminate_backend(pid) from pg_stat_activity
    where application_name = ${LISTENER_NAME} and datname = current_database()`.execute(db)

  const { median, slowest, answers } = await watchFor(1500, db, status)

  t.comment(`the slowest was refused after ${slowest.toFixed(0)} ms`)
  t.ok(median < 1000)
  t.ok(slowest < NEVER_MS)
  t.same([...answers], [200], 'a good token never had to wait for better times')
  await until('all listen again', async () => {
    const after = await listeners(db)
    return after.length === LISTENERS && after.every(({ pid }) => !before.some((old) => old.pid === pid))
  })
})

t.test('the connection that listens falls silent: revoked is refused, good passes', async (t) => {
  const { db, path, status } = await scene(t)
  for (const { port } of await listeners(db)) path.silence(port)

  const { median, slowest, answers } = await watchFor(2500, db, status)

  t.comment(`the slowest was refused after ${slowest.toFixed(0)} ms`)
  t.ok(median < 1000)
  t.ok(slowest < NEVER_MS)
  t.same([...answers], [200])
})

t.test('a notification that is lost costs less than a second', async (t) => {
  const { db, status } = await scene(t)
  const taken: number[] = []
  for (const gid of ['grant-7', 'grant-8', 'grant-9']) {
    t.equal(await status(gid), 200)
    await sql`insert into revocations (kind, subject, expires_at)
      values ('grant', ${gid}, now() + interval '1 day')`.execute(db)
    taken.push(await refusal(() => status(gid)))
  }
  t.ok(Math.min(...taken) < 1000)
  t.ok(Math.max(...taken) < NEVER_MS)
  t.equal(await status('grant-that-stands'), 200)
})

t.test(
  'the database cannot be reached: nothing passes, and everything good does when it is back',
  async (t) => {
    const { db, path, call, status, second } = await scene(t)
    t.equal(await status('grant-1'), 200)

    await path.cut()
    await revocations.revoke(db, 'grant', 'grant-2')
    t.ok((await refusal(() => status('grant-2'))) < NEVER_MS)
    const refused = await call('grant-1')
    t.equal(refused.status, 503, 'and so is who cannot be told from it')
    t.equal(refused.headers['retry-after'], '2')
    t.match(refused.json, { error: { code: -32603 } })
    t.equal(refused.headers['www-authenticate'], undefined, 'nobody is sent to sign in again')
    t.match(second.log(), 'the database does not say what was revoked')

    await path.heal()
    await until('it passes again', async () => (await status('grant-1')) === 200)
    t.equal(await status('grant-2'), 401)
    t.match(second.log(), 'the database says again what was revoked')
  },
)

t.test('the database falls silent: the answer is 503, in bounded time', async (t) => {
  const { db, path, status } = await scene(t)
  t.equal(await status('grant-1'), 200)
  path.silenceAll()
  await revocations.revoke(db, 'grant', 'grant-2')
  t.ok(
    (await refusal(() => status('grant-2'))) < 2000 + NEVER_MS,
    'the last answer may have taken its two seconds',
  )
  const asked = performance.now()
  t.equal(await status('grant-1'), 503)
  t.ok(performance.now() - asked < 2000 + NEVER_MS)
  // What hangs would keep the replica from closing.
  await path.cut()
})
