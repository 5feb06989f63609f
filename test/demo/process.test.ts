// Owns the proof that the demo upstream runs as a process of its own and stops when it is told to.

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { openSession, openStream } from './wire.ts'

const MAIN = fileURLToPath(new URL('../../src/demo/main.ts', import.meta.url))

function run(env: Record<string, string>): ChildProcess {
  return spawn(process.execPath, [MAIN], {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
}

async function firstLine(stream: NodeJS.ReadableStream | null): Promise<string> {
  if (stream === null) return ''
  const [chunk] = await once(stream, 'data')
  return String(chunk).trim()
}

t.test('SIGTERM ends it with success, even with an open stream', async (t) => {
  const demo = run({ PORT: '0' })
  t.teardown(() => demo.kill('SIGKILL'))
  const exited = once(demo, 'exit')
  const url = (await firstLine(demo.stdout)).replace('Demo upstream at ', '')
  t.match(url, /^http:\/\/127\.0\.0\.1:\d+\/mcp$/)
  const stream = await openStream(url, await openSession(url))
  t.equal(stream.status, 200)

  demo.kill('SIGTERM')
  t.strictSame(await exited, [0, null])
})

t.test('a port that is none is one clear line and a failure', async (t) => {
  const demo = run({ PORT: 'three' })
  const exited = once(demo, 'exit')
  t.equal(
    await firstLine(demo.stderr),
    'The demo upstream did not start: PORT must be a number from 0 to 65535',
  )
  t.strictSame(await exited, [1, null])
})
