// Owns the promises of the mailbox: it arrives in order at whoever has the address open, sealed on the way, whatever breaks.

import { createHash } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { sql } from 'kysely'
import t, { type Test } from 'tap'
import { type OpenDatabase, openDatabase } from '../../src/storage/database.ts'
import { deleteExpired } from '../../src/storage/mail.ts'
import { createReceipts } from '../../src/storage/mail-receipts.ts'
import { openMailbox, type SharedMailbox } from '../../src/storage/mailbox.ts'
import { createKeyring } from '../../src/storage/sealing.ts'
import { createTestDatabase, onEveryDatabase } from '../support/database.ts'
import { until } from '../support/until.ts'

const SECRET = 'a secret key that is long enough for this'

interface Replica {
  readonly mailbox: SharedMailbox
  readonly errors: readonly unknown[]
}

async function replica(
  t: Test,
  storage: Pick<OpenDatabase, 'db' | 'listen'>,
  { secret = SECRET, beatMs = 60_000 } = {},
): Promise<Replica> {
  const errors: unknown[] = []
  const report = (error: unknown) => void errors.push(error)
  const mailbox = await openMailbox({ storage, keyring: createKeyring([secret]), report, beatMs })
  t.teardown(() => mailbox.close())
  return { mailbox, errors }
}

function heap() {
  const heard: unknown[] = []
  return { heard, receive: (message: unknown) => void heard.push(message) }
}

onEveryDatabase(t, async (t, db, storage) => {
  t.test('what is sent to an open address arrives in order, at every replica that has it open', async (t) => {
    const [one, other, sender] = await Promise.all([
      replica(t, storage),
      replica(t, storage),
      replica(t, storage),
    ])
    const here = heap()
    const there = heap()
    const elsewhere = heap()
    await one.mailbox.open('address-1', here.receive)
    await other.mailbox.open('address-1', there.receive)
    await other.mailbox.open('address-2', elsewhere.receive)
    for (let number = 0; number < 50; number++) await sender.mailbox.send('address-1', { number })
    await until('fifty here', () => here.heard.length === 50)
    await until('fifty there', () => there.heard.length === 50)
    const all = Array.from({ length: 50 }, (_, number) => ({ number }))
    t.same(here.heard, all)
    t.same(there.heard, all)
    t.same(elsewhere.heard, [])
  })

  t.test('nothing arrives that was sent before, or after it was closed', async (t) => {
    const { mailbox } = await replica(t, storage)
    await mailbox.send('address-3', 'before')
    const { heard, receive } = heap()
    const open = await mailbox.open('address-3', receive)
    await mailbox.send('address-3', 'meanwhile')
    await until('the one in between', () => heard.length === 1)
    open.close()
    await mailbox.send('address-3', 'after')
    await sleep(50)
    t.same(heard, ['meanwhile'])
  })

  t.test(
    'neither the message nor the address can be read in the table, and a moved row does not open',
    async (t) => {
      const { mailbox, errors } = await replica(t, storage)
      const { heard, receive } = heap()
      await mailbox.open('address-4', receive)
      await mailbox.send('address-4', { typed: 'my password' })
      await until('it', () => heard.length === 1)
      const { rows } = await sql<object>`select * from mail`.execute(db)
      t.notMatch(JSON.stringify(rows), /password|address-4/)
      await mailbox.open('address-5', receive)
      await mailbox.send('address-6', 'not for you')
      await sql`
      with moved as (
        update mail set address_hash = ${hashOf('address-5')}
        where id = (select max(id) from mail) returning id, address_hash)
      select pg_notify('gatehouse_mail', id || ' ' || address_hash) from moved`.execute(db)
      await until('the refusal', () => errors.length === 1)
      t.equal(heard.length, 1)
    },
  )

  t.test('a replica with another key reads nothing, and says so', async (t) => {
    const good = await replica(t, storage)
    const bad = await replica(t, storage, { secret: 'another secret key, just as long as that' })
    const { heard, receive } = heap()
    await good.mailbox.open('address-7', receive)
    await bad.mailbox.send('address-7', 'forged')
    await until('the refusal', () => good.errors.length === 1)
    await good.mailbox.send('address-7', 'good')
    await until('the good one', () => heard.length === 1)
    t.same(heard, ['good'])
  })

  t.test('a receiver that throws keeps nobody else from anything', async (t) => {
    const { mailbox, errors } = await replica(t, storage)
    const { heard, receive } = heap()
    await mailbox.open('address-8', () => {
      throw new Error('mine')
    })
    await mailbox.open('address-8', receive)
    await mailbox.send('address-8', 1)
    await until('it', () => heard.length === 1)
    t.match(errors, [{ message: 'mine' }])
  })

  t.test('a message that is too large is refused where it is sent, one that just fits is not', async (t) => {
    const { mailbox } = await replica(t, storage)
    const { heard, receive } = heap()
    await mailbox.open('address-9', receive)
    await t.rejects(mailbox.send('address-9', 'x'.repeat(1024 * 1024)))
    await mailbox.send('address-9', 'x'.repeat(1024 * 1024 - 2))
    await until('the one that fits', () => heard.length === 1)
  })

  t.test('what has expired is removed, and nothing else', async (t) => {
    const { mailbox } = await replica(t, storage)
    await mailbox.send('address-10', 'old')
    await sql`update mail set expires_at = now() - interval '1 second'`.execute(db)
    await mailbox.send('address-10', 'new')
    t.ok((await deleteExpired(db, 1000)) >= 1)
    const { rows } = await sql<{ count: number }>`select count(*)::int as count from mail`.execute(db)
    t.same(rows, [{ count: 1 }])
  })
})

function hashOf(address: string): string {
  return createHash('sha256').update(address).digest('base64url')
}

t.test('a letter whose announcement was lost is found by the next look', async (t) => {
  const { db, config } = await createTestDatabase(t)
  const storage = await openDatabase(config)
  t.teardown(() => storage.close())
  const { mailbox } = await replica(t, storage, { beatMs: 50 })
  const { heard, receive } = heap()
  await mailbox.open('address', receive)
  const keyring = createKeyring([SECRET])
  await sql`insert into mail (address_hash, sealed, expires_at)
    values (${hashOf('address')}, ${keyring.seal('mail', '"silent"', 'address')}, now() + interval '1 minute')`.execute(
    db,
  )
  await until('the silent one', () => heard.length === 1)
  await sleep(150)
  t.same(heard, ['silent'], 'once')
})

t.test('nothing is missed and nothing comes twice while the connections break', async (t) => {
  const { db, config } = await createTestDatabase(t)
  const [receiving, sending] = await Promise.all([openDatabase(config), openDatabase(config)])
  t.teardown(() => Promise.all([receiving.close(), sending.close()]))
  const { mailbox } = await replica(t, receiving, { beatMs: 100 })
  const sender = await replica(t, sending)
  const { heard, receive } = heap()
  await mailbox.open('address', receive)
  const breakAll = () =>
    sql`
    select pg_terminate_backend(pid) from pg_stat_activity
    where datname = current_database() and application_name = 'gatehouse listener'`.execute(db)
  for (let number = 0; number < 60; number++) {
    if (number % 20 === 10) await breakAll()
    await sender.mailbox.send('address', number)
  }
  await until('all', () => heard.length >= 60)
  await sleep(300)
  t.same(
    [...heard].sort((one, other) => Number(one) - Number(other)),
    Array.from({ length: 60 }, (_, n) => n),
  )
  await sender.mailbox.send('address', 'afterwards')
  await until('the last one', () => heard.includes('afterwards'))
})

t.test('a letter that becomes visible late, after those with greater ids, is not left out', async (t) => {
  const { db, config } = await createTestDatabase(t)
  const [storage, slow] = await Promise.all([openDatabase(config), openDatabase(config)])
  t.teardown(() => Promise.all([storage.close(), slow.close()]))
  const { mailbox } = await replica(t, storage, { beatMs: 50 })
  const { heard, receive } = heap()
  await mailbox.open('address', receive)
  const keyring = createKeyring([SECRET])
  await slow.db.transaction().execute(async (transaction) => {
    await sql`insert into mail (address_hash, sealed, expires_at)
      values (${hashOf('address')}, ${keyring.seal('mail', '"late"', 'address')}, now() + interval '1 minute')`.execute(
      transaction,
    )
    await mailbox.send('address', 'early')
    await until('the early one', () => heard.length === 1)
    await sleep(200)
  })
  await until('the late one', () => heard.length === 2)
  t.same(heard, ['early', 'late'])
  t.ok(db)
})

t.test('what was had is remembered for as long as it can turn up again', async (t) => {
  const receipts = createReceipts()
  t.ok(receipts.add(5))
  t.notOk(receipts.add(5))
  receipts.looked(0)
  t.ok(receipts.add(9))
  receipts.looked(19_999)
  t.equal(receipts.after(), 0)
  receipts.looked(20_000)
  t.equal(receipts.after(), 5)
  t.ok(receipts.has(3))
  t.ok(receipts.has(9))
  t.notOk(receipts.has(7))
  t.ok(receipts.add(7), 'late, and still welcome')
})
