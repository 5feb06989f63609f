// Owns how the processes around the service end together with it: npm, the launcher on an old Node.js, and a terminal.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { PROGRAM_ENVIRONMENT } from '../support/environment.ts'
import { freePort } from '../support/gatehouse.ts'
import { copyLauncher, OLD_NODE } from '../support/launcher.ts'
import { LAUNCHER, npmStart, type Served, serve, usedDataDir } from '../support/process.ts'
import { until } from '../support/until.ts'

/** It makes the terminal. */
const SCRIPT = '/usr/bin/script'

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

t.test('a service whose terminal went away goes on, and ends in good order when it is told to', async (t) => {
  if (!existsSync(SCRIPT)) return t.pass('no script(1)', { skip: 'no script(1) to make a terminal with' })
  const dataDir = await usedDataDir(t)
  const port = String(await freePort())
  const codeFile = join(t.testdir(), 'code')
  const line = `trap : HUP; '${process.execPath}' '${LAUNCHER}' serve; echo $? > '${codeFile}'`
  const env = { ...PROGRAM_ENVIRONMENT, SHELL: '/bin/sh', DATA_DIR: dataDir, PORT: port }
  const terminal = spawn(SCRIPT, ['-qfc', line, '/dev/null'], { env, stdio: ['ignore', 'pipe', 'ignore'] })
  t.teardown(() => terminal.kill('SIGKILL'))
  let shown = ''
  terminal.stdout.on('data', (chunk) => {
    shown += chunk
  })
  await until('it is ready', () => shown.includes('ready'))
  const pid = await pidIn(dataDir)
  t.teardown(() => runs(pid) && process.kill(pid, 'SIGKILL'))

  terminal.kill('SIGKILL')
  await once(terminal, 'close')
  const origin = `http://localhost:${port}`
  for (let call = 0; call < 20; call++)
    t.equal(
      (await fetch(`${origin}/mcp`, { method: 'POST' })).status,
      401,
      'with a line for the log that nobody reads',
    )
  t.ok(runs(pid))
  process.kill(pid, 'SIGTERM')
  await until('it has ended', () => !runs(pid) && existsSync(codeFile))

  t.equal((await readFile(codeFile, 'utf8')).trim(), '0')
})

/** The service on the Node.js that came along, and the number of its process. */
async function launch(t: Test): Promise<{ readonly launcher: Served; readonly pid: number }> {
  const dataDir = await usedDataDir(t)
  const old = { ...OLD_NODE, launcher: await copyLauncher(t, { bundled: true }), group: true }
  const launcher = await serve(t, { DATA_DIR: dataDir }, [], old)
  return { launcher, pid: await pidIn(dataDir) }
}

/** Of the process that has the database. */
async function pidIn(dataDir: string): Promise<number> {
  const lock: unknown = JSON.parse(await readFile(join(dataDir, 'database.lock'), 'utf8'))
  return typeof lock === 'object' && lock !== null && 'pid' in lock ? Number(lock.pid) : 0
}

async function answers({ origin }: Served): Promise<boolean> {
  return await fetch(`${origin}/healthz`).then(
    ({ ok }) => ok,
    () => false,
  )
}

function runs(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}
