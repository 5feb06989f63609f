// Owns the promises about the master keys.

import { chmod, readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { ConfigError, loadConfig, loadSecrets } from '../../src/config/config.ts'
import type { Environment } from '../../src/config/given.ts'

const [FIRST, SECOND] = ['a'.repeat(32), 'b'.repeat(32)]

async function secretsOf(env: Environment): Promise<readonly string[]> {
  return (await loadSecrets(env, loadConfig(env))).secretKeys
}

async function modeOf(path: string): Promise<string> {
  return ((await stat(path)).mode & 0o777).toString(8)
}

t.test('given keys are used in their order', async (t) => {
  const DATABASE_URL = 'postgres://db/x'
  t.same(await secretsOf({ DATABASE_URL, SECRET_KEY: ` ${FIRST} ,${SECOND}` }), [FIRST, SECOND])
})

t.test('a given key wins over the generated one, and nothing is written', async (t) => {
  const directory = t.testdir()
  t.same(await secretsOf({ DATA_DIR: join(directory, 'data'), SECRET_KEY: FIRST }), [FIRST])
  t.same(await readdir(directory), [])
})

t.test('the embedded database gets a key that only its owner can read', async (t) => {
  const DATA_DIR = join(t.testdir(), 'new', 'data')
  const [key = ''] = await secretsOf({ DATA_DIR })
  t.ok(key.length >= 32)
  t.equal(await readFile(join(DATA_DIR, 'secret-key'), 'utf8'), `${key}\n`)
  t.equal(await modeOf(join(DATA_DIR, 'secret-key')), '600')
  t.equal(await modeOf(DATA_DIR), '700')
  t.same(await readdir(DATA_DIR), ['secret-key'], 'no draft stays behind')
})

t.test('the generated key is read again later', async (t) => {
  const DATA_DIR = t.testdir()
  t.same(await secretsOf({ DATA_DIR }), await secretsOf({ DATA_DIR }))
  t.strictNotSame(await secretsOf({ DATA_DIR }), await secretsOf({ DATA_DIR: join(DATA_DIR, 'other') }))
})

t.test('of many that start at once, one key wins and all of them get it', async (t) => {
  const DATA_DIR = join(t.testdir(), 'data')
  const keys = await Promise.all(Array.from({ length: 20 }, () => secretsOf({ DATA_DIR })))
  t.equal(new Set(keys.flat()).size, 1)
  t.same(await readdir(DATA_DIR), ['secret-key'])
})

t.test('the key file may hold several keys', async (t) => {
  const DATA_DIR = t.testdir()
  await writeFile(join(DATA_DIR, 'secret-key'), `${FIRST},${SECOND}\n`, { mode: 0o600 })
  t.same(await secretsOf({ DATA_DIR }), [FIRST, SECOND])
})

t.test('a key file that others can read is refused', async (t) => {
  const DATA_DIR = t.testdir()
  const [path, before] = [join(DATA_DIR, 'secret-key'), await secretsOf({ DATA_DIR })]
  for (const mode of [0o640, 0o604, 0o660, 0o644]) {
    await chmod(path, mode)
    await t.rejects(secretsOf({ DATA_DIR }), {
      name: 'ConfigError',
      problems: [
        { variable: 'DATA_DIR', expected: /readable by its owner only \(chmod 600 /, got: /with mode 06/ },
      ],
    })
  }
  await chmod(path, 0o600)
  t.same(await secretsOf({ DATA_DIR }), before)
})

t.test('a key file that holds something else is refused and not repeated', async (t) => {
  const DATA_DIR = t.testdir()
  for (const content of ['', '\n', 'CaNaRy', `${FIRST},CaNaRy`]) {
    await writeFile(join(DATA_DIR, 'secret-key'), content, { mode: 0o600 })
    const error = await secretsOf({ DATA_DIR }).catch((error: unknown) => error)
    t.ok(error instanceof ConfigError)
    t.notMatch(String(error), 'CaNaRy')
  }
})

t.test('a directory that cannot be used is a problem of the configuration', async (t) => {
  const DATA_DIR = join(t.testdir({ file: 'x' }), 'file')
  await t.rejects(secretsOf({ DATA_DIR }), {
    name: 'ConfigError',
    problems: [{ variable: 'DATA_DIR', got: /ENOTDIR/ }],
  })
})

t.test('a shared database without a key is refused', async (t) => {
  const database = { kind: 'postgres', url: 'postgres://db/x' } as const
  await t.rejects(loadSecrets({}, { database, dataDir: t.testdir() }), {
    name: 'ConfigError',
    problems: [{ variable: 'SECRET_KEY' }],
  })
})
