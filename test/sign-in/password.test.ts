// Owns the tests of password hashing: the work done, its bounds, and who gets a yes.

import t from 'tap'
import { createHashingQueue } from '../../src/sign-in/hashing-queue.ts'
import { createPasswords, isTooLong, PASSWORD_COST } from '../../src/sign-in/password.ts'
import { CHEAP, countingEngine } from './cheap-passwords.ts'

t.test('a hash is argon2id with at least the parameters that OWASP asks for', async (t) => {
  const passwords = await createPasswords()
  const hash = await passwords.hash('correct horse battery')
  t.match(hash, /^\$argon2id\$v=19\$m=\d+,t=\d+,p=1\$/)
  t.ok(PASSWORD_COST.memoryKiB >= 19 * 1024)
  t.ok(PASSWORD_COST.passes >= 2)
  t.equal(await passwords.verify('correct horse battery', hash), 'match')
  t.equal(await passwords.verify('correct horse batterx', hash), 'mismatch')
})

t.test('the same password is one string however the keyboard composed it', async (t) => {
  const passwords = await createPasswords({ passwordCost: CHEAP })
  const hash = await passwords.hash('caf\u00e9 au lait')
  t.equal(await passwords.verify('cafe\u0301 au lait', hash), 'match')
  t.equal(await passwords.verify('cafe au lait', hash), 'mismatch')
})

t.test('nobody signs in without a hash, and the check does the same work', async (t) => {
  const engine = countingEngine()
  const passwords = await createPasswords({ passwordCost: CHEAP, engine })
  const hash = await passwords.hash('correct horse battery')
  const [absent, wrong, right] = [
    await engine.during(() => passwords.verify('correct horse battery', null)),
    await engine.during(() => passwords.verify('another one', hash)),
    await engine.during(() => passwords.verify('correct horse battery', hash)),
  ]
  t.same(absent, { result: 'mismatch', verified: [CHEAP] })
  t.same(wrong, { result: 'mismatch', verified: [CHEAP] })
  t.same(right, { result: 'match', verified: [CHEAP] })
})

t.test('a hash with other parameters still matches and is called outdated', async (t) => {
  const before = await createPasswords({ passwordCost: CHEAP })
  const now = await createPasswords({ passwordCost: { ...CHEAP, passes: 2 } })
  const old = await before.hash('correct horse battery')
  t.equal(await now.verify('correct horse battery', old), 'outdated match')
  t.equal(await now.verify('wrong', old), 'mismatch')
  t.equal(await before.verify('correct horse battery', old), 'match')
})

t.test('too many at once are turned away, those in line are served', async (t) => {
  const passwords = await createPasswords({ passwordCost: CHEAP, limits: { running: 2, waiting: 3 } })
  const hash = await passwords.hash('correct horse battery')
  const verdicts = await Promise.all(
    Array.from({ length: 8 }, () => passwords.verify('correct horse battery', hash)),
  )
  t.same(verdicts, [...Array(5).fill('match'), ...Array(3).fill('busy')])
  t.equal(
    await passwords.verify('correct horse battery', hash),
    'match',
    'and afterwards there is room again',
  )
})

t.test('the queue runs no more at once than it may, in order, also after a failure', async (t) => {
  const queue = createHashingQueue({ running: 2, waiting: 10 })
  let running = 0
  const most: number[] = []
  const order: number[] = []
  const work = (n: number) => async () => {
    most.push(++running)
    order.push(n)
    await new Promise((resolve) => setImmediate(resolve))
    running -= 1
    if (n === 1) throw new Error('failed')
  }
  const settled = await Promise.allSettled([1, 2, 3, 4, 5].map((n) => queue.run(work(n))))
  t.equal(Math.max(...most), 2)
  t.same(order, [1, 2, 3, 4, 5])
  t.same(
    settled.map(({ status }) => status),
    ['rejected', 'fulfilled', 'fulfilled', 'fulfilled', 'fulfilled'],
  )
})

t.test('a password has at most 1024 bytes', async (t) => {
  t.notOk(isTooLong('é'.repeat(512)))
  t.ok(isTooLong(`${'é'.repeat(512)}x`))
})
