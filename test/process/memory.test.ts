// Owns the promise that a service keeps nothing in memory that only its start, or another installation, has a use for.

import { rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import t, { type Test } from 'tap'
import { inspect } from '../support/inspector.ts'
import { copyLauncher } from '../support/launcher.ts'
import { freePort } from '../support/local-server.ts'
import { LAUNCHER, type Served, serve, usedDataDir } from '../support/process.ts'

/** The part of Node that removes types: some 25 MiB. */
const REMOVER = 'NativeModule internal/deps/amaro/dist/index'

t.test(
  'another process removes the types for a service, and what it does not use is not loaded',
  async (t) => {
    const { served, loaded, packages } = await startAndLook(t, LAUNCHER)
    t.ok(loaded.includes('NativeModule internal/modules/esm/loader'), 'what is loaded can be seen')
    t.notOk(loaded.includes(REMOVER))
    t.ok(packages.has('fastify'), 'which packages are loaded can be seen')
    for (const unused of ['ajv', 'pino-pretty', 'prom-client', 're2js']) t.notOk(packages.has(unused), unused)
    t.equal(served.stderr(), '')
  },
)

t.test('where there can be no such process, the service does it itself', async (t) => {
  const launcher = await copyLauncher(t, {})
  await rm(join(dirname(launcher), 'remove-types.js'))
  const { served, loaded } = await startAndLook(t, launcher)
  t.ok(loaded.includes(REMOVER))
  t.equal((await fetch(`${served.origin}/readyz`)).status, 200)
  t.equal(served.stderr(), '')
})

interface Seen {
  readonly served: Served
  /** The parts of Node. */
  readonly loaded: string
  /** By their names, as far as they were loaded by `require`. */
  readonly packages: ReadonlySet<string>
}

/** The paths of all modules that `require` knows. */
const REQUIRED = "Object.keys(process.getBuiltinModule('module').createRequire('/').cache)"

async function startAndLook(t: Test, launcher: string): Promise<Seen> {
  const port = await freePort()
  const env = { DATA_DIR: await usedDataDir(t) }
  const served = await serve(t, env, [], { launcher, flags: [`--inspect-port=${port}`] })
  // The inspector says on standard error that it listens, which is after the start.
  const said = { ...served, stderr: () => served.stderr().replace(/^(Debugger|For help).*\n/gm, '') }
  const inspector = await inspect(served.pid, port)
  t.teardown(inspector.close)
  const required = JSON.stringify(await inspector.evaluate(REQUIRED))
  return {
    served: said,
    loaded: JSON.stringify(await inspector.evaluate('process.moduleLoadList')),
    packages: new Set(
      [...required.matchAll(/node_modules\/([\w.-]+)\/(?!node_modules)/g)].map(([, name = '']) => name),
    ),
  }
}
