// Owns the proof that no credential gets into the log, and that no line is lost on the way out.

import { spawn } from 'node:child_process'
import { text } from 'node:stream/consumers'
import { setTimeout as delay } from 'node:timers/promises'
import t from 'tap'
import { createLogger } from '../../src/ops/logger.ts'
import { readableOutput } from '../../src/ops/readable-output.ts'
import { lines } from '../support/lines.ts'

t.test('a credential is not logged, however it is wrapped, and what stands beside it is', async (t) => {
  const { destination, written } = lines()
  const logger = createLogger({ level: 'info', destination })
  const request = { headers: { authorization: 'Bearer canary', accept: 'text/html' }, code: 'canary' }
  logger.info({ token: 'canary', request, list: [{ password: 'canary', name: 'alice' }] }, 'said')
  logger.child({ audit: true }).info({ secret: 'canary' }, 'more')
  t.notMatch(written(), 'canary')
  const [said, more] = written()
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))
  t.match(said, {
    token: '[redacted]',
    request: { headers: { authorization: '[redacted]', accept: 'text/html' }, code: '[redacted]' },
    list: [{ password: '[redacted]', name: 'alice' }],
    msg: 'said',
  })
  t.match(more, { secret: '[redacted]', audit: true, msg: 'more' })
  t.equal(request.code, 'canary', 'what was logged is left as it is')
})

t.test('an error says what the system calls it, and why it came to that', async (t) => {
  const { destination, written } = lines()
  const cause = Object.assign(new Error('refused'), { code: 'ECONNREFUSED' })
  createLogger({ level: 'info', destination }).error({ err: new Error('no database', { cause }) }, 'failed')
  t.match(JSON.parse(written()), {
    err: { name: 'Error', message: 'no database', cause: { message: 'refused', code: 'ECONNREFUSED' } },
  })
})

t.test('what somebody else wrote commands no terminal, and begins no line', async (t) => {
  const evil = 'a\u001b[2J\u0007\r\n\u0085\u009b31m\u2028\u2029\u007f{"level":60}'
  for (const readable of [false, true]) {
    const { destination, written } = lines()
    const output = readable ? readableOutput(destination) : destination
    const logger = createLogger({ level: 'info', destination: output })
    logger.info({ name: evil, tool: evil }, 'said')
    logger.child({ audit: true }).info({ [evil]: 1, list: [evil] }, 'more')
    logger.info({ name: 'Claude, désolé 世界', tool: 'read' }, 'fine')
    const text = written()
    const [said, more, fine, rest] = text.split('\n')
    for (const line of [said, more]) t.notMatch(line, /[\p{Cc}\u2028\u2029]/u)
    t.match(said, 'said')
    t.match(more, 'more')
    t.match(fine, 'Claude, désolé 世界')
    t.equal(rest, '')
  }
})

const LOGGER = new URL('../../src/ops/logger.ts', import.meta.url).href
const LINES = 5_000

/** Lines from a process that says them and then ends like this. */
async function saidBy(ending: string): Promise<readonly string[]> {
  const script = `
    import { createLogger } from '${LOGGER}'
    const logger = createLogger({ level: 'info' })
    for (let line = 0; line < ${LINES}; line++) logger.info({ line, filler: 'x'.repeat(50) })
    ${ending}`
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  // More than a pipe holds: somebody has to wait for somebody.
  await delay(300)
  return (await text(child.stdout)).trim().split('\n')
}

for (const [name, ending] of [
  ['ends by itself', ''],
  ['exits', 'process.exit(0)'],
  ['breaks', 'throw new Error("a bug")'],
  [
    'is ended by a signal it handles',
    'process.once("SIGTERM", () => process.exit(0)); process.kill(process.pid, "SIGTERM"); setInterval(() => {}, 1000)',
  ],
] as const) {
  t.test(`when a process ${name} right after them, all lines are there, whole and in order`, async (t) => {
    const said = await saidBy(ending)
    t.strictSame(
      said.map((line) => JSON.parse(line).line),
      Array.from({ length: LINES }, (_, line) => line),
    )
  })
}
