// Owns what the lock of the embedded database promises.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import t, { type Test } from 'tap'
import { openDatabase } from '../../src/storage/database.ts'
import { DirectoryInUseError, lockDirectory } from '../../src/storage/directory-lock.ts'
import { hashToken } from '../../src/storage/hash.ts'
import * as setupLinks from '../../src/storage/setup-links.ts'
import { prepareTestDatabase } from '../support/database.ts'

const HOLDER = fileURLToPath(new URL('./holder.ts', import.meta.url))

interface Holder {
  readonly process: ChildProcess
  readonly pid: number
  /** `held`, or why not. */
  readonly answer: string
  release(): Promise<unknown>
}

async function hold(t: Test, what: 'lock' | 'database', directory: string): Promise<Holder> {
  const child = spawn(process.execPath, [HOLDER, what, directory], { stdio: ['pipe', 'pipe', 'inherit'] })
  t.teardown(() => child.kill('SIGKILL'))
  const [answer] = await once(createInterface({ input: child.stdout }), 'line')
  const exited = once(child, 'exit')
  return {
    process: child,
    pid: child.pid ?? 0,
    answer,
    release() {
      child.stdin.end()
      return exited
    },
  }
}

const directoryFor = (t: Test) => join(t.testdir(), 'database')

t.test('a second process on the same directory is refused in one line, and let in afterwards', async (t) => {
  const config = await prepareTestDatabase(t, { kind: 'embedded' })
  const directory = config.kind === 'embedded' ? config.directory : ''
  const first = await hold(t, 'database', directory)
  t.equal(first.answer, 'held')
  const second = await hold(t, 'database', directory)
  t.equal(
    second.answer,
    `${directory} is in use by process ${first.pid}: the embedded database serves one process at a time.`,
  )
  await first.release()
  t.equal((await hold(t, 'database', directory)).answer, 'held')
})

t.test('after SIGKILL the next process takes over at once, and finds every acknowledged row', async (t) => {
  const config = await prepareTestDatabase(t, { kind: 'embedded' })
  const directory = config.kind === 'embedded' ? config.directory : ''
  const first = await hold(t, 'database', directory)
  first.process.kill('SIGKILL')
  await first.release()
  t.ok(await readFile(`${directory}.lock`, 'utf8'), 'the dead process left its lock')

  const { db, close } = await openDatabase(config)
  t.equal(await setupLinks.isOpen(db, hashToken(String(first.pid))), true)
  await close()
  await t.rejects(readFile(`${directory}.lock`), { code: 'ENOENT' }, 'closing removes the lock')
})

t.test('of five processes that find the lock of a dead one, one takes it over', async (t) => {
  const directory = directoryFor(t)
  const dead = await hold(t, 'lock', directory)
  dead.process.kill('SIGKILL')
  await dead.release()
  const holders = await Promise.all(Array.from({ length: 5 }, () => hold(t, 'lock', directory)))
  t.equal(holders.filter(({ answer }) => answer === 'held').length, 1)
  await Promise.all(holders.map((holder) => holder.release()))
  t.equal((await hold(t, 'lock', directory)).answer, 'held', 'nothing is left behind')
})

t.test('within one process a directory is opened once', async (t) => {
  const directory = directoryFor(t)
  const lock = await lockDirectory(directory)
  await t.rejects(lockDirectory(directory), DirectoryInUseError)
  await lock.release()
  await (await lockDirectory(directory)).release()
})

t.test('a pid that another process has by now does not keep a lock alive', async (t) => {
  const directory = directoryFor(t)
  const lock = await lockDirectory(directory)
  const owner = JSON.parse(await readFile(`${directory}.lock`, 'utf8'))
  await writeFile(`${directory}.lock`, JSON.stringify({ ...owner, startedAt: '1' }))
  const taken = await lockDirectory(directory)
  await lock.release()
  await t.rejects(lockDirectory(directory), DirectoryInUseError, 'the former owner released nothing')
  await taken.release()
})

t.test('a lock from another host or container lives as long as it is touched', async (t) => {
  const directory = directoryFor(t)
  const file = `${directory}.lock`
  await writeFile(file, JSON.stringify({ pid: process.pid, startedAt: '1', place: 'elsewhere' }))
  await t.rejects(lockDirectory(directory), DirectoryInUseError)
  const aMinuteAgo = new Date(Date.now() - 60_000)
  await utimes(file, aMinuteAgo, aMinuteAgo)
  await (await lockDirectory(directory)).release()
})

t.test('a lock without content is being written, unless it is old', async (t) => {
  const directory = directoryFor(t)
  const file = `${directory}.lock`
  await writeFile(file, '')
  await t.rejects(lockDirectory(directory), DirectoryInUseError)
  const aMinuteAgo = new Date(Date.now() - 60_000)
  await utimes(file, aMinuteAgo, aMinuteAgo)
  await (await lockDirectory(directory)).release()
})
