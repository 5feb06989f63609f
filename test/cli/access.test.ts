// Owns `gatehouse user disable`, `user enable` and `token revoke-all` as an operator types them while the service runs.

import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import t, { type Test } from 'tap'
import { type DatabaseConfig, openDatabase } from '../../src/storage/database.ts'
import { send, until } from '../gateway/stage.ts'
import { prepareTestDatabase } from '../support/database.ts'
import { PROGRAM_ENVIRONMENT } from '../support/environment.ts'
import { build, createPerson, newSecretKey } from '../support/gatehouse.ts'
import { connect } from '../support/sign-in.ts'

const COMMAND = fileURLToPath(new URL('../../src/cli/command.ts', import.meta.url))
const exec = promisify(execFile)
const ALICE = 'alice@example.com'

function commandsOn(config: DatabaseConfig) {
  const url = config.kind === 'postgres' ? config.url : ''
  const env = { ...PROGRAM_ENVIRONMENT, DATABASE_URL: url, SECRET_KEY: newSecretKey() }
  return async (...args: string[]) => (await exec(process.execPath, [COMMAND, ...args], { env })).stdout
}

async function scene(t: Test) {
  const config = await prepareTestDatabase(t)
  const storage = await openDatabase(config)
  t.teardown(() => storage.close())
  const { origin, browser } = await build(t, { overrides: { storage } })
  return { origin, browser, storage, run: commandsOn(config) }
}

t.test('who is disabled is refused while the service runs, and enabled again connects anew', async (t) => {
  const { origin, browser, storage, run } = await scene(t)
  await createPerson(storage.db, ALICE)
  const { accessToken } = await connect(origin, browser(), ALICE)
  let last = 0
  const ask = async () => {
    last = (await send({ origin }, { path: '/mcp', token: accessToken })).status
  }
  await ask()
  t.not(last, 401)

  t.equal(await run('user', 'disable', ALICE.toUpperCase()), `${ALICE} is disabled.\n`)
  const asking = setInterval(ask, 20)
  await until(() => last === 401).finally(() => clearInterval(asking))
  t.equal(await run('user', 'disable', ALICE), `${ALICE} was already disabled.\n`)
  t.equal(await run('user', 'enable', ALICE), `${ALICE} may sign in.\n`)
  t.match(JSON.parse(await run('user', 'enable', ALICE, '--json')), { disabled: false })
  await t.rejects(run('user', 'disable', 'nobody@example.com'), {
    code: 1,
    stderr: 'There is nobody with the address nobody@example.com.\n',
  })
})

t.test('everything is revoked by one command', async (t) => {
  const { storage, run } = await scene(t)
  const row = { model: 'Session', id_hash: 'x', payload: '{}' }
  await storage.db.insertInto('artifacts').values(row).execute()
  t.equal(await run('token', 'revoke-all'), 'Everything that was issued is revoked.\n')
  t.same(await storage.db.selectFrom('artifacts').select('model').execute(), [])
  await t.rejects(run('token', 'revoke'), { code: 1, stderr: 'Say `gatehouse token revoke-all`.\n' })
  t.match(await run('token', '--help'), /^Usage: gatehouse token revoke-all/)
})
