// Owns the proof that a process goes on when nobody takes its log, holds little of it meanwhile, and says how much is missing.

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, existsSync, openSync } from 'node:fs'
import { text } from 'node:stream/consumers'
import t, { type Test } from 'tap'

const LOGGER = new URL('../../src/ops/logger.ts', import.meta.url).href
const FULL_DISK = '/dev/full'
/** What is held, and with room to spare what a pipe takes. */
const MOST_BYTES = (8 + 2) * 1024 * 1024

/** A process that logs, a turn after the other, whose standard output is this. */
function logging(t: Test, script: string, stdout: 'pipe' | number = 'pipe'): ChildProcess {
  const begin = `
    import { createLogger, linesLost } from '${LOGGER}'
    const logger = createLogger({ level: 'info' })
    const turn = () => new Promise((resolve) => setImmediate(resolve))
    let line = 0
    const say = async () => { logger.info({ line: line++, filler: 'x'.repeat(1000) }); await turn() }
    ${script}`
  const child = spawn(process.execPath, ['--input-type=module', '-e', begin], {
    stdio: ['pipe', stdout, 'pipe'],
  })
  t.teardown(() => child.kill('SIGKILL'))
  return child
}

t.test(
  'of a log that nobody reads a bounded part is held, and what is missing is said in its place',
  async (t) => {
    const { stdin, stdout, stderr } = logging(
      t,
      `while (linesLost(logger) < 100) await say()
    console.error(linesLost(logger))
    process.stdin.on('data', say).on('end', () => process.exit())`,
    )
    if (!stdin || !stdout || !stderr) throw new Error('not a pipe')
    const [said] = await once(stderr, 'data')
    const lost = Number(said)
    t.equal(lost, 100, 'it went on, and counted')

    const chunks: Buffer[] = []
    let seen = false
    for await (const chunk of stdout) {
      chunks.push(chunk)
      if (!seen && Buffer.concat(chunks).includes('lines of the log were lost')) {
        seen = true
        stdin.end('one more')
      }
    }
    const whole = Buffer.concat(chunks)
    t.ok(whole.length < MOST_BYTES, `${whole.length} bytes were held`)
    const lines = whole
      .toString()
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line))
    const at = lines.findIndex(({ msg }) => msg !== undefined)
    t.match(lines[at], { level: 40, lines: lost, msg: /^standard output was not read/ })
    t.strictSame(
      lines.toSpliced(at, 1).map(({ line }) => line),
      [...Array.from({ length: at }, (_, line) => line), at + lost],
      'all others are there, in order',
    )
  },
)

t.test('a process whose log nobody reads ends all the same', async (t) => {
  const child = logging(t, 'while (line < 1_000) await say()\nprocess.exit()')
  t.strictSame(await once(child, 'exit'), [0, null])
})

t.test('a process whose reader is gone goes on, and ends at once', async (t) => {
  const child = logging(
    t,
    `process.stdin.once('data', async () => {
      while (line < 1_000) await say()
      process.exit(linesLost(logger))
    })`,
  )
  child.stdout?.destroy()
  child.stdin?.write('now')
  t.strictSame(await once(child, 'exit'), [0, null])
})

const skip = existsSync(FULL_DISK) ? false : 'nothing is always full here'

t.test('a disk that is full stops no process', { skip }, async (t) => {
  const full = openSync(FULL_DISK, 'w')
  const child = logging(t, `process.stdout.write('hello')\nwhile (line < 1_000) await say()`, full)
  closeSync(full)
  const [stderr, ended] = await Promise.all([child.stderr && text(child.stderr), once(child, 'exit')])
  t.equal(stderr, '')
  t.strictSame(ended, [0, null])
})
