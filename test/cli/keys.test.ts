// Owns `gatehouse keys` as an operator types it, on both databases.

import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import t from 'tap'
import { type DatabaseKind, prepareTestDatabase, type Teardown } from '../support/database.ts'
import { newSecretKey } from '../support/gatehouse.ts'

const COMMAND = fileURLToPath(new URL('../../src/cli/command.ts', import.meta.url))
const SECRET_KEY = newSecretKey()
const exec = promisify(execFile)

async function environmentOf(t: Teardown, kind: DatabaseKind): Promise<Record<string, string>> {
  const database = await prepareTestDatabase(t, { kind })
  return database.kind === 'postgres'
    ? { DATABASE_URL: database.url, SECRET_KEY }
    : { DATA_DIR: database.directory.replace(/\/database$/, '') }
}

function commands(environment: Record<string, string>) {
  const run = async (args: readonly string[], env: Record<string, string> = {}) => {
    const { PATH = '' } = process.env
    const options = { env: { PATH, ...environment, ...env } }
    return (await exec(process.execPath, [COMMAND, 'keys', ...args], options)).stdout
  }
  return { run, json: async (...args: string[]) => JSON.parse(await run([...args, '--json'])) }
}

const states = (keys: { alg: string; state: string }[]) => keys.map(({ alg, state }) => `${alg} ${state}`)

t.test('keys are listed, rotated and replaced', async (t) => {
  const { run, json } = commands(await environmentOf(t, 'postgres'))
  t.same(await json('list'), [])

  const first = await json('rotate')
  t.same(states(first.keys), ['ES256 signing', 'RS256 signing'])
  const second = await json('rotate')
  t.same(states(second.keys), ['ES256 signing', 'RS256 signing', 'ES256 next', 'RS256 next'])
  const lines = await run(['list'])
  t.match(lines, /^\S+\tES256\tsigning\tsigns from \S+\tremoved after \S+$/m)
  t.notMatch(JSON.stringify(second), /"d"|sealed|private/i)

  const replaced = await json('rotate', '--now')
  t.same(states(replaced.keys), ['ES256 signing', 'RS256 signing'])
  t.equal(replaced.removed.length, 4)
})

t.test('the embedded database has its keys too, and a key of its own to seal them', async (t) => {
  const { json } = commands(await environmentOf(t, 'embedded'))
  const { keys } = await json('rotate')
  t.same(states(keys), ['ES256 signing', 'RS256 signing'])
  t.same(await json('list'), keys)
})

t.test('SECRET_KEY: the wrong one is refused in one line, and a new one takes over', async (t) => {
  const { run } = commands(await environmentOf(t, 'postgres'))
  await run(['rotate'])
  const other = newSecretKey()

  await t.rejects(run(['rotate'], { SECRET_KEY: other }), {
    code: 1,
    stderr: 'The signing keys in the database were sealed with another SECRET_KEY. Start with that one.\n',
  })
  const answer = JSON.parse(await run(['reseal', '--json'], { SECRET_KEY: `${other},${SECRET_KEY}` }))
  t.match(answer, { done: [{ name: 'signing keys', resealed: 2, unreadable: 0 }, {}, {}], notNeeded: [2] })
  t.match(await run(['rotate'], { SECRET_KEY: other }), /^Made: /)
})

t.test('what was mistyped is refused in one line, with a code', async (t) => {
  const { run } = commands(await environmentOf(t, 'postgres'))
  await t.rejects(run(['turn']), { code: 1, stderr: /^Say `gatehouse keys list`.+\n$/ })
  t.match(await run(['--help']), /^Usage: gatehouse keys list/)
})
