// Owns the promise that a service does not keep what its sources were made to run with, and starts without that too.

import { rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import t, { type Test } from 'tap'
import { inspect } from '../support/inspector.ts'
import { copyLauncher } from '../support/launcher.ts'
import { freePort } from '../support/local-server.ts'
import { LAUNCHER, type Served, serve, usedDataDir } from '../support/process.ts'

/** The part of Node that removes types: some 25 MiB. */
const REMOVER = 'NativeModule internal/deps/amaro/dist/index'

t.test('another process removes the types for a service', async (t) => {
  const { served, loaded } = await startAndLook(t, LAUNCHER)
  t.ok(loaded.includes('NativeModule internal/modules/esm/loader'), 'what is loaded can be seen')
  t.notOk(loaded.includes(REMOVER))
  t.equal(served.stderr(), '')
})

t.test('where there can be no such process, the service does it itself', async (t) => {
  const launcher = await copyLauncher(t, {})
  await rm(join(dirname(launcher), 'remove-types.js'))
  const { served, loaded } = await startAndLook(t, launcher)
  t.ok(loaded.includes(REMOVER))
  t.equal((await fetch(`${served.origin}/readyz`)).status, 200)
  t.equal(served.stderr(), '')
})

async function startAndLook(t: Test, launcher: string): Promise<{ served: Served; loaded: string }> {
  const port = await freePort()
  const env = { DATA_DIR: await usedDataDir(t) }
  const served = await serve(t, env, [], { launcher, flags: [`--inspect-port=${port}`] })
  // The inspector says on standard error that it listens, which is after the start.
  const said = { ...served, stderr: () => served.stderr().replace(/^(Debugger|For help).*\n/gm, '') }
  const inspector = await inspect(served.pid, port)
  t.teardown(inspector.close)
  return { served: said, loaded: JSON.stringify(await inspector.evaluate('process.moduleLoadList')) }
}
