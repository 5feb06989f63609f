// Owns the promise that docs/storage.md names every table and every column, and none that is not there.

import { sql } from 'kysely'
import t from 'tap'
import { openDatabase } from '../../src/storage/database.ts'
import { migrateToLatest } from '../../src/storage/migrate.ts'
import { prepareTestDatabase } from '../support/database.ts'
import { readProject } from './project.ts'

/** kysely's own are named, and their columns are its affair. */
const FOREIGN = /^kysely_/

/** Per section that begins with a table of columns: what stands in the first cell of each row. */
function documented(): ReadonlyMap<string, readonly string[]> {
  const sections = readProject('docs/storage.md').split(/^## /m).slice(1)
  return new Map(
    sections.flatMap((section) => {
      const [, rows] = /^\| column \|.*\n\|[-|]+\|\n((?:\|.*\n)+)/m.exec(section) ?? []
      const name = /^\w+/.exec(section)?.[0]
      if (rows === undefined || name === undefined) return []
      const cells = rows.split('\n').map((row) => row.split('|')[1] ?? '')
      return [
        [
          name,
          cells.flatMap((cell) => [...cell.matchAll(/`(\w+)`/g)].map(([, column = '']) => column)).sort(),
        ],
      ]
    }),
  )
}

t.test('every table and column of the database is documented, and nothing else', async (t) => {
  const { db, close } = await openDatabase(await prepareTestDatabase(t, { kind: 'embedded' }))
  t.teardown(close)
  await migrateToLatest(db)
  const { rows } = await sql<{ table: string; column: string }>`
    select table_name as table, column_name as column from information_schema.columns
    where table_schema = 'public' order by table_name, column_name`.execute(db)
  const real = Map.groupBy(
    rows.filter(({ table }) => !FOREIGN.test(table)),
    ({ table }) => table,
  )
  const said = documented()
  t.same([...said.keys()].sort(), [...real.keys()].sort())
  for (const [table, columns] of real)
    t.same(said.get(table), columns.map(({ column }) => column).sort(), table)
})
