// Owns how the processes around the service end together with it: npm, and the launcher on an old Node.js.

import { join } from 'node:path'
import t, { type Test } from 'tap'
import { holderOf } from '../../src/storage/directory-lock.ts'
import { copyLauncher, OLD_NODE } from '../support/launcher.ts'
import { npmStart, runs, type Served, serve, usedDataDir } from '../support/process.ts'
import { until } from '../support/until.ts'

t.test(
  'SIGTERM for the process of `npm start` ends the service, with its grace and its exit code',
  async (t) => {
    const npm = await npmStart(t, { DATA_DIR: await usedDataDir(t) })
    t.ok(await answers(npm))

    t.same(await npm.stop(), { code: 0, signal: null })
    t.match(npm.stdout(), '"signal":"SIGTERM","msg":"stopping"')
    t.notOk(await answers(npm), 'nobody listens any more')
  },
)

t.test('the launcher passes signals on, and ends as the service does', async (t) => {
  const { launcher } = await launch(t)
  t.same(await launcher.stop(), { code: 0, signal: null })
  t.match(launcher.stdout(), '"signal":"SIGTERM","msg":"stopping"')

  const broken = await launch(t)
  process.kill(broken.pid, 'SIGKILL')
  t.same(await broken.launcher.ended, { code: null, signal: 'SIGKILL' })
})

t.test('a launcher that was killed leaves no service behind', async (t) => {
  const { launcher, pid } = await launch(t)
  t.not(pid, launcher.pid, 'they are two')
  launcher.signal('SIGKILL')
  await until('the service has ended as well', () => !runs(pid))
  t.match(launcher.stdout(), '"signal":"SIGTERM","msg":"stopping"', 'with its grace')
})

/** The service on the Node.js that came along, and the number of its process. */
async function launch(t: Test): Promise<{ readonly launcher: Served; readonly pid: number }> {
  const dataDir = await usedDataDir(t)
  const old = { ...OLD_NODE, launcher: await copyLauncher(t, { bundled: true }), group: true }
  const launcher = await serve(t, { DATA_DIR: dataDir }, [], old)
  return { launcher, pid: (await holderOf(join(dataDir, 'database'))) ?? 0 }
}

async function answers({ origin }: Served): Promise<boolean> {
  return await fetch(`${origin}/healthz`).then(
    ({ ok }) => ok,
    () => false,
  )
}
