// Owns the proof that an embedded database which has given up is told as an outage, and loses nothing.

import { readdir, rename, truncate } from 'node:fs/promises'
import { join } from 'node:path'
import { sql } from 'kysely'
import t from 'tap'
import { openDatabase, ping } from '../../src/storage/database.ts'
import { isOutage } from '../../src/storage/outage.ts'
import { embeddedDatabase } from '../support/database-embedded.ts'

/** Its log is in files of 16 MiB. */
const MEGABYTES_OF_LOG = 40

t.test('one that cannot write its log ends nothing else, and has every row at the next start', async (t) => {
  const config = await embeddedDatabase(t, true)
  if (config.kind !== 'embedded') throw new Error('not embedded')
  const { db, listen, close } = await openDatabase(config)
  const listener = await listen('news', () => undefined)
  await sql`create table kept (id integer)`.execute(db)
  await sql`insert into kept values (7)`.execute(db)
  const log = join(config.directory, 'pg_wal')
  await rename(log, `${log}-away`)
  const write = async () => {
    for (let written = 0; written < MEGABYTES_OF_LOG; written++)
      await sql`select pg_logical_emit_message(true, 'test', repeat('x', 1000000))`.execute(db)
  }
  const outage = (work: Promise<unknown>) =>
    work.then(
      () => t.fail('it was not refused'),
      (error: unknown) => t.ok(isOutage(error), String(error)),
    )
  await outage(write())
  await outage(ping(db))
  await outage(db.transaction().execute((trx) => ping(trx)))
  await listener.close()
  await close()
  await rename(`${log}-away`, log)
  const again = await openDatabase(config)
  t.teardown(again.close)
  t.same((await sql`select id from kept`.execute(again.db)).rows, [{ id: 7 }])
})

t.test('one that is damaged is told as such, with what to do', async (t) => {
  const config = await embeddedDatabase(t, true)
  if (config.kind !== 'embedded') throw new Error('not embedded')
  const whole = await openDatabase(config)
  await whole.close()
  const log = join(config.directory, 'pg_wal')
  for (const file of await readdir(log)) if (/^0+1/.test(file)) await truncate(join(log, file), 4096)
  await t.rejects(openDatabase(config), { message: /cannot be opened: it is damaged.* backup/ })
})
