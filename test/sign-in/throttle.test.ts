// Owns the tests of the throttle, on both stores: who waits, for how long, and who does not.

import t, { type Test } from 'tap'
import { createThrottle, type Throttle } from '../../src/sign-in/throttle.ts'
import { THROTTLE_RULES, type ThrottleRules, waitAfter } from '../../src/sign-in/throttle-rules.ts'
import { type OpenCounters, openInMemory, openInPostgres } from '../../src/sign-in/throttle-store.ts'
import { type OpenDatabase, openDatabase } from '../../src/storage/database.ts'
import { createTestDatabase } from '../support/database.ts'

/** No wait ends during a test that takes its time. */
const PATIENT: ThrottleRules = {
  ...THROTTLE_RULES,
  pair: { ...THROTTLE_RULES.pair, firstWaitSeconds: 60 },
  account: { ...THROTTLE_RULES.account, firstWaitSeconds: 60 },
}

const alice = { account: 'alice', address: 'home', browser: null }

t.test('waits begin after the free attempts, double, and end growing', async (t) => {
  const rule = { free: 5, firstWaitSeconds: 2, maxWaitSeconds: 60, windowSeconds: 3600 }
  const waits = Array.from({ length: 12 }, (_, attempts) => waitAfter(rule, attempts))
  t.same(waits, [0, 0, 0, 0, 0, 2, 4, 8, 16, 32, 60, 60])
  t.equal(waitAfter(rule, 100_000), 60)
})

t.test('the rules in use let nobody guess more than a hundred times an hour', async (t) => {
  for (const rule of [THROTTLE_RULES.pair, THROTTLE_RULES.account]) {
    let seconds = 0
    let guesses = 0
    while (seconds < 3600) seconds += waitAfter(rule, ++guesses)
    t.ok(guesses <= 100, `${guesses} guesses`)
  }
})

/** A store, and how its time passes: memory's really does, in PostgreSQL the rows grow older. */
interface Store {
  readonly open: OpenCounters
  readonly briefly: number
  elapse(seconds: number): Promise<unknown>
}

t.test('in memory', (t) =>
  promises(t, async () => ({
    open: openInMemory(),
    briefly: 1,
    elapse: (seconds) => new Promise((resolve) => setTimeout(resolve, seconds * 1000 + 50)),
  })),
)

t.test('in PostgreSQL', (t) =>
  promises(t, async (t) => {
    const database = await createTestDatabase(t)
    const elapse = (seconds: number) =>
      database.db
        .updateTable('throttles')
        .set(({ eb }) => ({ expire: eb('expire', '-', String(seconds * 1000)) }))
        .execute()
    return { open: countersOf(database), briefly: 60, elapse }
  }),
)

t.test('replicas count together in PostgreSQL, and no name is stored', async (t) => {
  const one = await createTestDatabase(t)
  const two = await openDatabase(one.config)
  t.teardown(() => two.close())
  const throttles = {
    even: createThrottle(countersOf(one), PATIENT),
    odd: createThrottle(countersOf(two), PATIENT),
  }
  const admitted = await Promise.all(
    Array.from({ length: 40 }, (_, n) => (n % 2 ? throttles.odd : throttles.even).admit(alice)),
  )
  t.equal(admitted.filter(({ kind }) => kind === 'admitted').length, 5)
  const rows = await one.db.selectFrom('throttles').select('key').orderBy('key').execute()
  t.same(
    rows.map(({ key }) => key),
    ['account:alice', 'address:home', 'pair-gate:alice.home', 'pair:alice.home'],
  )
})

t.test('a store that does not answer lets nobody in', async (t) => {
  const database = await createTestDatabase(t)
  const throttle = createThrottle(countersOf(database))
  t.equal((await throttle.admit(alice)).kind, 'admitted')
  await database.close()
  await t.rejects(throttle.admit(alice))
})

async function promises(t: Test, store: (t: Test) => Promise<Store>) {
  const build = async (t: Test, rules: Partial<ThrottleRules> = {}) =>
    createThrottle((await store(t)).open, { ...PATIENT, ...rules })

  t.test('one account from one address waits after five failures, others do not', async (t) => {
    const throttle = await build(t)
    t.same(await kinds(throttle, 7, () => alice), [...Array(5).fill('admitted'), 'wait', 'wait'])
    t.equal((await throttle.admit({ ...alice, address: 'work' })).kind, 'admitted', 'from elsewhere')
    t.equal((await throttle.admit({ ...alice, account: 'bob' })).kind, 'admitted', 'somebody else')
  })

  t.test('waiting in vain does not prolong the wait; after it, one attempt gets through', async (t) => {
    const { open, briefly, elapse } = await store(t)
    const pair = { ...PATIENT.pair, firstWaitSeconds: briefly }
    const throttle = createThrottle(open, { ...PATIENT, pair })
    await kinds(throttle, 5, () => alice)
    const wait = await throttle.admit(alice)
    t.ok(wait.kind === 'wait' && wait.seconds >= 1 && wait.seconds <= Math.ceil(briefly))
    t.same(await kinds(throttle, 20, () => alice), Array(20).fill('wait'))
    await elapse(briefly)
    t.same(await kinds(throttle, 3, () => alice), ['admitted', 'wait', 'wait'])
    await elapse(briefly)
    t.equal((await throttle.admit(alice)).kind, 'wait', 'the next wait is longer')
    await elapse(briefly)
    t.equal((await throttle.admit(alice)).kind, 'admitted')
  })

  t.test('of many attempts at once only the free ones get through', async (t) => {
    const throttle = await build(t)
    const all = await Promise.all(Array.from({ length: 20 }, () => throttle.admit(alice)))
    t.equal(all.filter(({ kind }) => kind === 'admitted').length, 5)
  })

  t.test('guesses from everywhere slow the account down, but not at its known browser', async (t) => {
    const throttle = await build(t)
    const spread = await kinds(throttle, 200, (n) => ({ ...alice, address: `address ${n}` }))
    t.equal(spread.filter((kind) => kind === 'admitted').length, 10)
    const wait = await throttle.admit({ ...alice, address: 'yet another' })
    t.equal(wait.kind, 'wait')
    if (wait.kind === 'wait') t.ok(wait.seconds <= THROTTLE_RULES.account.maxWaitSeconds)
    t.equal((await throttle.admit({ ...alice, browser: 'hers' })).kind, 'admitted')
  })

  t.test('a known browser has its own count, so having its cookie is no licence to guess', async (t) => {
    const throttle = await build(t)
    const spread = await kinds(throttle, 8, (n) => ({ ...alice, address: `address ${n}`, browser: 'stolen' }))
    t.same(spread, [...Array(5).fill('admitted'), ...Array(3).fill('wait')])
    t.equal((await throttle.admit({ ...alice, browser: 'another' })).kind, 'admitted')
  })

  t.test('one address has a number of attempts for all accounts together', async (t) => {
    const throttle = await build(t)
    const spray = (n: number) => ({ ...alice, account: `person ${n}` })
    t.same(await kinds(throttle, 102, spray), [...Array(100).fill('admitted'), 'wait', 'wait'])
    t.equal((await throttle.admit({ ...alice, browser: 'hers' })).kind, 'wait', 'also for a known browser')
    t.equal((await throttle.admit({ ...alice, address: 'elsewhere' })).kind, 'admitted')
  })

  t.test('success forgets the failures of its pair and does not count itself', async (t) => {
    const throttle = await build(t)
    await kinds(throttle, 4, () => alice)
    const fifth = await throttle.admit(alice)
    if (fifth.kind === 'admitted') await fifth.succeeded()
    t.same(await kinds(throttle, 6, () => alice), [...Array(5).fill('admitted'), 'wait'])
    t.equal(
      (await throttle.admit({ ...alice, address: 'b' })).kind,
      'admitted',
      'the tenth failure of the account',
    )
    t.equal(
      (await throttle.admit({ ...alice, address: 'c' })).kind,
      'wait',
      'what others did is not forgotten',
    )
  })

  t.test('an attempt that was not judged does not count', async (t) => {
    const throttle = await build(t)
    for (let n = 0; n < 50; n++) {
      const admission = await throttle.admit(alice)
      if (admission.kind === 'admitted') await admission.unjudged()
    }
    t.same(await kinds(throttle, 6, () => alice), [...Array(5).fill('admitted'), 'wait'])
  })

  t.test('attempts are forgotten after the window', async (t) => {
    const { open, briefly, elapse } = await store(t)
    const pair = { ...PATIENT.pair, firstWaitSeconds: briefly, windowSeconds: briefly * 2 }
    const address = { attempts: 5, windowSeconds: briefly * 2 }
    const throttle = createThrottle(open, { ...PATIENT, pair, address })
    t.same(await kinds(throttle, 6, () => alice), [...Array(5).fill('admitted'), 'wait'])
    await elapse(briefly * 2)
    t.same(await kinds(throttle, 6, () => alice), [...Array(5).fill('admitted'), 'wait'])
  })
}

function countersOf({ pool }: OpenDatabase): OpenCounters {
  if (!pool) throw new Error('this is about PostgreSQL')
  return openInPostgres(pool)
}

async function kinds(
  throttle: Throttle,
  times: number,
  attempt: (n: number) => Parameters<Throttle['admit']>[0],
) {
  const answers: string[] = []
  for (let n = 0; n < times; n++) answers.push((await throttle.admit(attempt(n))).kind)
  return answers
}
