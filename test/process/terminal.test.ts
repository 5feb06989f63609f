// Owns that a service outlives the terminal it was started in.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { PROGRAM_ENVIRONMENT } from '../support/environment.ts'
import { freePort } from '../support/local-server.ts'
import { LAUNCHER, pidIn, runs, usedDataDir } from '../support/process.ts'
import { until } from '../support/until.ts'

/** It makes the terminal. */
const SCRIPT = '/usr/bin/script'
const NO_SCRIPT = 'no script(1) of util-linux to make a terminal with'

t.test('a service whose terminal went away goes on, and ends in good order when it is told to', async (t) => {
  if (!existsSync(SCRIPT)) return void t.pass(NO_SCRIPT, { skip: NO_SCRIPT })
  const dataDir = await usedDataDir(t)
  const port = String(await freePort())
  const codeFile = join(t.testdir(), 'code')
  const line = `trap : HUP; '${process.execPath}' '${LAUNCHER}' serve; echo $? > '${codeFile}'`
  const env = { ...PROGRAM_ENVIRONMENT, SHELL: '/bin/sh', DATA_DIR: dataDir, PORT: port }
  const terminal = spawn(SCRIPT, ['-qfc', line, '/dev/null'], { env, stdio: ['ignore', 'pipe', 'ignore'] })
  t.teardown(() => terminal.kill('SIGKILL'))
  await new Promise<void>((resolve) => {
    let shown = ''
    terminal.stdout.on('data', (chunk) => {
      shown += chunk
      if (shown.includes('ready')) resolve()
    })
  })
  const pid = await pidIn(dataDir)
  t.teardown(() => runs(pid) && process.kill(pid, 'SIGKILL'))

  terminal.kill('SIGKILL')
  await once(terminal, 'close')
  const origin = `http://localhost:${port}`
  // Each has a line in the log, which nobody reads.
  for (let call = 0; call < 20; call++)
    t.equal((await fetch(`${origin}/mcp`, { method: 'POST' })).status, 401)
  t.ok(runs(pid))
  process.kill(pid, 'SIGTERM')
  await until('it has ended', () => !runs(pid) && existsSync(codeFile))

  t.equal((await readFile(codeFile, 'utf8')).trim(), '0')
})
