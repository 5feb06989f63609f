// Owns the tests of the first administrator at the start of the process.

import t, { type Test } from 'tap'
import { type ConfiguredAdministrator, prepareSetup, SetupError } from '../../src/sign-in/prepare-setup.ts'
import * as administrators from '../../src/storage/administrators.ts'
import * as users from '../../src/storage/users.ts'
import { DATABASE_KINDS, type DatabaseKind } from '../support/database.ts'
import { buildSignIn, PASSWORD, PUBLIC_URL } from './sign-in-app.ts'

const ADA = { email: 'ada@example.org', password: PASSWORD }

for (const kind of DATABASE_KINDS) {
  t.test(`on ${kind}: the configured administrator is created once, also by ten replicas`, async (t) => {
    const { db, passwords, start, lines } = await prepare(t, kind)
    const prepared = await Promise.all(Array.from({ length: 10 }, () => start(ADA)))
    t.same(prepared, Array(10).fill({ kind: 'ready' }))
    const [ada, ...others] = await users.list(db)
    t.match(ada, { email: ADA.email, role: 'admin', name: 'ada' })
    t.same(others, [])
    t.equal(await passwords.verify(PASSWORD, ada?.passwordHash ?? null), 'match')
    t.same(lines.filter((line) => line.startsWith('Created')).length, 1)
  })
}

t.test('an administrator who exists is left alone, whatever is configured', async (t) => {
  const { db, start, lines, passwords } = await prepare(t)
  await start(ADA)
  t.same(await start({ ...ADA, password: 'another password' }), { kind: 'ready' })
  t.same(await start({ email: 'eve@example.org', password: 'another password' }), { kind: 'ready' })
  t.same(await start({ email: 'not an address', password: 'x' }), { kind: 'ready' })
  t.match(lines.at(-1), /ADMIN_PASSWORD change nothing/)
  t.same(await start(null), { kind: 'ready' })
  const [ada, ...others] = await users.list(db)
  t.same(others, [])
  t.equal(await passwords.verify(PASSWORD, ada?.passwordHash ?? null), 'match')
})

t.test('a disabled administrator does not open set-up again', async (t) => {
  const { db, start } = await prepare(t)
  await start(ADA)
  const [ada] = await users.list(db)
  if (ada) await users.disable(db, ada.id)
  t.same(await start(null), { kind: 'ready' })
})

t.test('without a configured one, every start prints a link, of which only the hash is stored', async (t) => {
  const { db, start } = await prepare(t)
  const [first, second] = [await start(null), await start(null)]
  t.match(first, { kind: 'link', url: /^http:\/\/localhost:8080\/setup\?token=[\w-]{43}$/ })
  t.not(first.kind === 'link' && first.url, second.kind === 'link' && second.url)
  const rows = await db.selectFrom('setup_links').selectAll().execute()
  t.equal(rows.length, 2)
  for (const { token_hash, created_at, expires_at } of rows) {
    t.notMatch(JSON.stringify([first, second]), token_hash)
    t.equal(expires_at.getTime() - created_at.getTime(), 24 * 60 * 60 * 1000)
  }
})

t.test('a configured administrator that cannot be is an error that names the variable', async (t) => {
  const { db, start, addPerson } = await prepare(t)
  await addPerson('member@example.org')
  const wrong: [ConfiguredAdministrator, RegExp][] = [
    [{ ...ADA, email: 'ada' }, /^ADMIN_EMAIL: /],
    [{ ...ADA, password: 'short' }, /^ADMIN_PASSWORD: Use at least 8/],
    [{ ...ADA, password: 'changeme123' }, /^ADMIN_PASSWORD: /],
    [{ ...ADA, email: 'Member@example.org' }, /^ADMIN_EMAIL: Somebody/],
  ]
  for (const [admin, message] of wrong) {
    const error = await start(admin).catch((thrown: unknown) => thrown)
    t.type(error, SetupError)
    t.match(error, { message })
    t.notMatch(String(error), admin.password)
  }
  t.equal(await administrators.countAdministrators(db), 0)
  t.same(await start(ADA), { kind: 'ready' })
  t.equal(await administrators.countAdministrators(db), 1)
})

async function prepare(t: Test, kind: DatabaseKind = 'postgres') {
  const service = await buildSignIn(t, { kind })
  const { db, passwords } = service
  const lines: string[] = []
  const audit = { administratorCreated() {} }
  const log = (line: string) => void lines.push(line)
  const start = (admin: ConfiguredAdministrator | null) =>
    prepareSetup({ db, passwords, audit, publicUrl: PUBLIC_URL, admin, log })
  return { ...service, lines, start }
}
