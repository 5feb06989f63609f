// Owns what the running transaction promises, on both databases.
import t from 'tap'
import * as administrators from '../../src/storage/administrators.ts'
import type { Database } from '../../src/storage/database.ts'
import { createTransactions } from '../../src/storage/transactions.ts'
import * as users from '../../src/storage/users.ts'
import { onEveryDatabase } from '../support/database.ts'

const add = (db: Database, email: string) =>
  users.create(db, { email, name: '', passwordHash: null, role: 'member' })

onEveryDatabase(t, async (t, db) => {
  const transactions = createTransactions(db)

  await t.test('what is done inside is kept when it resolves, with its result', async (t) => {
    const result = await transactions.run(async () => add(transactions.current(), 'kept@example.org'))
    t.equal(result.refusal, null)
    t.ok(await users.findByEmail(db, 'kept@example.org'))
  })

  await t.test('what is done inside is gone when it rejects, with its error', async (t) => {
    const failing = transactions.run(async () => {
      await add(transactions.current(), 'gone@example.org')
      t.ok(await users.findByEmail(transactions.current(), 'gone@example.org'), 'seen inside')
      throw new TypeError('failed')
    })
    await t.rejects(failing, TypeError)
    t.equal(await users.findByEmail(db, 'gone@example.org'), null)
  })

  await t.test('a run inside a run is part of it', async (t) => {
    const failing = transactions.run(async () => {
      const outer = transactions.current()
      await transactions.run(async () => {
        t.equal(transactions.current(), outer)
        await add(transactions.current(), 'inner@example.org')
      })
      throw new Error('failed')
    })
    await t.rejects(failing)
    t.equal(await users.findByEmail(db, 'inner@example.org'), null)
  })

  await t.test(
    'a lazy run begins when it is about to write, and all its writes belong together',
    async (t) => {
      const failing = transactions.runLazily(async () => {
        t.equal(transactions.current(), db, 'reading needs none')
        const [one, two] = await Promise.all([transactions.forWriting(), transactions.forWriting()])
        t.equal(one, two, 'one begins')
        t.ok(one.isTransaction)
        t.equal(transactions.current(), one, 'reading after that sees what was written')
        await add(one, 'lazy@example.org')
        await transactions.run(() => add(transactions.current(), 'joined@example.org'))
        throw new TypeError('failed')
      })
      await t.rejects(failing, TypeError)
      t.equal(await users.findByEmail(db, 'lazy@example.org'), null)
      t.equal(await users.findByEmail(db, 'joined@example.org'), null)

      const result = await transactions.runLazily(async () =>
        add(await transactions.forWriting(), 'lazy@example.org'),
      )
      t.equal(result.refusal, null)
      t.ok(await users.findByEmail(db, 'lazy@example.org'), 'kept when it resolves')
    },
  )

  await t.test('a lazy run that never writes through it began nothing', async (t) => {
    const failing = transactions.runLazily(async () => {
      await add(transactions.current(), 'alone@example.org')
      throw new TypeError('failed')
    })
    await t.rejects(failing, TypeError)
    t.ok(await users.findByEmail(db, 'alone@example.org'), 'a single statement stands for itself')
  })

  await t.test('a run inside a lazy run begins its transaction', async (t) => {
    const failing = transactions.runLazily(async () => {
      await transactions.run(() => add(transactions.current(), 'begun@example.org'))
      throw new TypeError('failed')
    })
    await t.rejects(failing, TypeError)
    t.equal(await users.findByEmail(db, 'begun@example.org'), null)
  })

  await t.test('outside, writing is done at the root', async (t) => {
    t.equal(await transactions.forWriting(), db)
  })

  await t.test('outside, and for work left running after the end, the root is current', async (t) => {
    t.equal(transactions.current(), db)
    let leftRunning: Promise<Database> | undefined
    let end = () => {}
    const ended = new Promise<void>((resolve) => {
      end = resolve
    })
    await transactions.run(async () => {
      t.not(transactions.current(), db)
      leftRunning = ended.then(() => transactions.current())
    })
    end()
    t.equal(await leftRunning, db)
  })

  await t.test('parallel runs do not see each other’s transaction', async (t) => {
    const currents = await Promise.all(
      [1, 2, 3].map(() => transactions.run(async () => transactions.current())),
    )
    t.equal(new Set(currents).size, 3)
  })

  await t.test('what brings its own transaction joins the one that runs', async (t) => {
    const { user } = await transactions.run(() =>
      administrators.createFirstAdministrator(
        transactions.current(),
        { email: 'first@example.org', name: '', passwordHash: null },
        null,
      ),
    )
    t.equal(user?.role, 'admin')
  })
})
