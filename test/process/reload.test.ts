// Owns the proof that a running service follows its upstreams' file, SIGHUP and `gatehouse upstream reload`, and stays up.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import t from 'tap'
import { holderOf } from '../../src/storage/directory-lock.ts'
import { freePort } from '../support/local-server.ts'
import { LAUNCHER, ROOT, runGatehouse, runs, serve, usedDataDir } from '../support/process.ts'
import { until } from '../support/until.ts'

const NOTES = { notes: { url: 'http://127.0.0.1:9/mcp' } }
const BOTH = { ...NOTES, mail: { url: 'http://127.0.0.1:9/mail' } }

async function isThere(origin: string, upstream: string): Promise<boolean> {
  return (await fetch(`${origin}/.well-known/oauth-protected-resource/mcp/${upstream}`)).ok
}

t.test('a running service follows the file of its upstreams', async (t) => {
  const file = join(t.testdir({}), 'upstreams.json')
  const write = async (servers: unknown) => {
    await writeFile(`${file}.new`, JSON.stringify(servers))
    await rename(`${file}.new`, file)
  }
  await write(NOTES)
  const env = { DATA_DIR: await usedDataDir(t), PORT: String(await freePort()), UPSTREAMS_FILE: file }
  const gatehouse = await serve(t, env)
  const { origin, stdout } = gatehouse
  t.notOk(await isThere(origin, 'mail'))

  await write(BOTH)
  await until('it followed', () => isThere(origin, 'mail'))

  await write({ notes: { url: 'nonsense' } })
  await until('it said why not', () => stdout().includes('the upstreams and the policy stay as they are'))
  t.match(stdout(), 'notes.url: expected an http or https URL')
  t.ok(await isThere(origin, 'mail'))
  const refused = runGatehouse(t, ['upstream', 'reload'], { env })
  t.match(await refused.ended, { code: 1 })
  t.match(refused.stderr(), 'notes.url: expected an http or https URL', 'the command says so too')

  await write(NOTES)
  await until('it followed again', async () => !(await isThere(origin, 'mail')))
  const listed = runGatehouse(t, ['upstream', 'list', '--json'], { env })
  t.match(await listed.ended, { code: 0 })
  t.match(JSON.parse(listed.stdout()), [{ name: 'notes', kind: 'http', at: 'http://127.0.0.1:9' }])

  const UPSTREAMS = JSON.stringify({ gone: { command: 'no-such-program-here' }, fine: { command: 'cat' } })
  const without = runGatehouse(t, ['upstream', 'list'], { env: { DATA_DIR: env.DATA_DIR, UPSTREAMS } })
  t.match(await without.ended, { code: 0 })
  t.match(without.stderr(), /^gone: Its command is in no directory of its PATH\. Install/)
  t.notMatch(without.stderr(), 'fine')

  const readAgain = () => stdout().split('the configuration was read again').length - 1
  const told = runGatehouse(t, ['upstream', 'reload'], { env })
  t.match(await told.ended, { code: 0 })
  await until('the command was heard', () => readAgain() === 1)
  gatehouse.signal('SIGHUP')
  await until('the signal was heard', () => readAgain() === 2)
  t.match(await fetch(`${origin}/readyz`), { status: 200 })
  t.same(await gatehouse.stop(), { code: 0, signal: null })

  const nobody = runGatehouse(t, ['upstream', 'reload'], { env })
  t.match(await nobody.ended, { code: 1 })
  t.match(nobody.stderr(), /does not run on this machine/)
})

/** Of util-linux: runs a command in a terminal of its own. */
const SCRIPT = '/usr/bin/script'
const hasTerminals = process.platform === 'linux' && existsSync(SCRIPT)

t.test(
  'a service outlives the terminal that it was started in, and ends in good order',
  { skip: !hasTerminals },
  async (t) => {
    const file = join(t.testdir({}), 'upstreams.json')
    await writeFile(file, JSON.stringify(NOTES))
    const port = await freePort()
    const dataDir = await usedDataDir(t)
    const env = { PATH: process.env.PATH ?? '', DATA_DIR: dataDir, PORT: String(port), UPSTREAMS_FILE: file }
    const codeFile = join(t.testdirName, 'code')
    // The shell stays for the code.
    const command = `trap : HUP; '${process.execPath}' '${LAUNCHER}' serve; echo $? > '${codeFile}'`
    const terminal = spawn(SCRIPT, ['-qec', command, '/dev/null'], { cwd: ROOT, env, stdio: 'pipe' })
    const origin = `http://localhost:${port}`
    const answers = () =>
      fetch(`${origin}/readyz`).then(
        ({ status }) => status === 200,
        () => false,
      )
    await saysReady(terminal.stdout)
    t.ok(await answers())
    const pid = (await holderOf(join(dataDir, 'database'))) ?? t.fail('nobody holds the directory')
    t.teardown(() => runs(Number(pid)) && process.kill(Number(pid), 'SIGKILL'))

    terminal.kill('SIGKILL')
    await once(terminal, 'exit')
    await writeFile(file, JSON.stringify(BOTH))
    await until('it followed', () => isThere(origin, 'mail'))
    await writeFile(file, JSON.stringify(NOTES))
    process.kill(Number(pid), 'SIGHUP')
    await until('it followed again', async () => !(await isThere(origin, 'mail')))
    // Each has a line for the log, which nobody reads.
    for (let call = 0; call < 20; call++)
      t.equal((await fetch(`${origin}/mcp`, { method: 'POST' })).status, 401)
    t.ok(await answers())

    process.kill(Number(pid), 'SIGTERM')
    await until('it has ended', () => !runs(Number(pid)) && existsSync(codeFile))
    await until('its code is told', async () => (await readFile(codeFile, 'utf8')) === '0\n')
  },
)

/** However long that takes: no test waits for ever. */
function saysReady(terminal: Readable): Promise<void> {
  return new Promise((resolve) => {
    let said = ''
    terminal.on('data', (chunk) => {
      said += chunk
      if (said.includes('ready')) resolve()
    })
  })
}
