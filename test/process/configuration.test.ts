// Owns what a person is told who starts it wrongly: everything at once, in lines, without a stack.

import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import t from 'tap'
import { emptyDataDir, runGatehouse, serve, usedDataDir } from '../support/process.ts'

const NO_STACK = /\n\s+at |node:internal|\.ts:\d+/

t.test('every mistake in the configuration is reported at once', async (t) => {
  const env = {
    DATA_DIR: await emptyDataDir(t),
    PUBLIC_URL: 'https://gate.example/path',
    PORT: 'http',
    ACCESS_TOKEN_TTL: 'soon',
    SECRET_KEY: 'hunter2',
    ADMIN_EMAIL: 'admin@example.com',
  }
  const { ended, stderr, stdout } = runGatehouse(t, ['serve'], { env })

  t.match(await ended, { code: 1 })
  for (const variable of ['PUBLIC_URL', 'PORT', 'ACCESS_TOKEN_TTL', 'SECRET_KEY', 'ADMIN_PASSWORD'])
    t.match(stderr(), new RegExp(`^  ${variable}: expected `, 'm'), variable)
  t.equal(stderr().trimEnd().split('\n').length, 6, 'a title and a line for each')
  t.notMatch(stderr(), NO_STACK)
  t.notMatch(stderr(), 'hunter2', 'a secret is not repeated')
  t.equal(stdout(), '')
})

t.test('with PostgreSQL the secret has to be given', async (t) => {
  const env = { DATA_DIR: await emptyDataDir(t), DATABASE_URL: 'postgres://nobody@127.0.0.1:1/none' }
  const without = runGatehouse(t, ['serve'], { env })

  t.match(await without.ended, { code: 1 })
  t.match(without.stderr(), /^ {2}SECRET_KEY: expected a value, because DATABASE_URL is set; got nothing$/m)

  const unreachable = runGatehouse(t, ['serve'], { env: { ...env, SECRET_KEY: 'k'.repeat(32) } })
  t.match(await unreachable.ended, { code: 1 })
  t.notMatch(unreachable.stderr(), 'SECRET_KEY', 'it got as far as the database')
  const said = 'The database of DATABASE_URL cannot be used: connect ECONNREFUSED 127.0.0.1:1\n'
  t.equal(unreachable.stderr(), said)

  const command = runGatehouse(t, ['user', 'list'], { env: { ...env, SECRET_KEY: 'k'.repeat(32) } })
  t.match(await command.ended, { code: 1 })
  t.equal(command.stderr(), said)
})

t.test('what is no directory cannot hold the data', async (t) => {
  const env = { DATA_DIR: await emptyDataDir(t) }
  await writeFile(env.DATA_DIR, '')
  for (const args of [['serve'], ['user', 'list']]) {
    const refused = runGatehouse(t, args, { env })
    t.match(await refused.ended, { code: 1 })
    t.match(refused.stderr(), /DATA_DIR\b.* directory /, args.join(' '))
    t.notMatch(refused.stderr(), NO_STACK)
  }
})

t.test('a port that is taken is one line, and the data directory is free again', async (t) => {
  const taken = createServer().listen(0, '127.0.0.1')
  t.teardown(() => taken.close())
  await once(taken, 'listening')
  const address = taken.address()
  const port = address !== null && typeof address === 'object' ? String(address.port) : ''
  const dataDir = await usedDataDir(t)

  const refused = runGatehouse(t, ['serve', '--port', port], { env: { DATA_DIR: dataDir } })
  t.match(await refused.ended, { code: 1 })
  t.equal(refused.stderr(), `Port ${port} on 127.0.0.1 is taken. Stop what listens there, or set PORT.\n`)

  const elsewhere = await serve(t, { DATA_DIR: dataDir })
  t.same(await elsewhere.stop(), { code: 0, signal: null })
})

t.test('an unknown command or flag is one line that says what to do', async (t) => {
  const command = runGatehouse(t, ['server'])
  const flag = runGatehouse(t, ['serve', '--prot', '1'])
  const help = runGatehouse(t, ['serve', '--help'])

  t.match(await command.ended, { code: 1 })
  t.equal(command.stderr(), 'There is no command `server`. `gatehouse help` lists them.\n')
  t.match(await flag.ended, { code: 1 })
  t.equal(flag.stderr(), "Unknown option '--prot'. `gatehouse serve --help` lists what there is.\n")
  t.notMatch(flag.stderr(), NO_STACK)
  t.match(await help.ended, { code: 0 })
  t.match(help.stdout(), /^Usage: gatehouse serve/)
})
