// Owns the promises about where variables come from: the environment, a .env file, flags.

import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import t from 'tap'
import { loadConfig } from '../../src/config/config.ts'
import { readEnvironment } from '../../src/config/env.ts'
import { withFlags } from '../../src/config/flags.ts'

t.test('a .env file fills in what the environment leaves out', async (t) => {
  const directory = t.testdir({ '.env': 'GATEHOUSE_TEST_A=file\nGATEHOUSE_TEST_B=\'{"a": "b"}\'\n' })
  process.env.GATEHOUSE_TEST_A = 'real'
  t.teardown(() => {
    delete process.env.GATEHOUSE_TEST_A
  })
  const env = readEnvironment(directory)
  t.equal(env.GATEHOUSE_TEST_A, 'real')
  t.equal(env.GATEHOUSE_TEST_B, '{"a": "b"}')
  t.equal(env.PATH, process.env.PATH)
  t.notOk('GATEHOUSE_TEST_B' in process.env, 'child processes do not inherit the file')
})

t.test('the .env file is looked for in the working directory', async (t) => {
  const cwd = t.testdir({ '.env': 'PORT=3210\n' })
  const module = JSON.stringify(new URL('../../src/config/env.ts', import.meta.url).href)
  const script = `const { readEnvironment } = await import(${module}); process.stdout.write(readEnvironment().PORT)`
  const { PORT: _, ...env } = process.env
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', script], {
    cwd,
    env,
  })
  t.equal(stdout, '3210')
})

t.test('without a .env file there is just the environment', async (t) => {
  t.same(readEnvironment(t.testdir()), { ...process.env })
})

t.test('a .env that cannot be read is a problem', async (t) => {
  t.throws(() => readEnvironment(t.testdir({ '.env': {} })), {
    name: 'ConfigError',
    problems: [{ variable: '.env' }],
  })
})

t.test('flags win over the environment, also over a file', async (t) => {
  const path = join(t.testdir({ port: '4000' }), 'port')
  const env = { HOST: '0.0.0.0', PORT_FILE: path, LOG_LEVEL: 'warn' }
  t.match(loadConfig(withFlags(env, {})), { host: '0.0.0.0', port: 4000, logLevel: 'warn' })
  t.match(loadConfig(withFlags(env, { host: '::1', port: '5000', 'log-level': 'debug' })), {
    host: '::1',
    port: 5000,
    publicUrl: 'http://localhost:5000',
    logLevel: 'debug',
  })
  t.same(env, { HOST: '0.0.0.0', PORT_FILE: path, LOG_LEVEL: 'warn' })
})
