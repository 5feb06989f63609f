// Owns the proof that calls go on when nobody reads the log, and that nothing of it is missing in the end but what is counted.

import { setTimeout as delay } from 'node:timers/promises'
import t from 'tap'
import { freePort } from '../support/local-server.ts'
import { serve, usedDataDir } from '../support/process.ts'

/** Of the path of a request, so that few requests make a large log. */
const LONG_PATH = 'x'.repeat(120 * 1024)
const AT_ONCE = 8
const LOOK_AGAIN_MS = 50

t.test(
  'a log that nobody reads stops no call, and at SIGTERM what is held goes to who reads on',
  async (t) => {
    const metricsPort = await freePort()
    const { origin, stdout, reading, signal, ended } = await serve(t, {
      DATA_DIR: await usedDataDir(t),
      METRICS_PORT: String(metricsPort),
      MAX_HEADERS: '256kb',
    })
    const ask = async () => {
      const response = await fetch(`${origin}/nowhere/${LONG_PATH}`)
      await response.arrayBuffer()
      if (response.status !== 404) throw new Error(`answered ${response.status}`)
    }
    const lost = async () => {
      const text = await (await fetch(`http://127.0.0.1:${metricsPort}/metrics`)).text()
      return Number(/^gatehouse_log_lines_lost_total (\d+)$/m.exec(text)?.[1])
    }
    t.equal(await lost(), 0)
    reading.pause()
    let asked = 0
    for (; (await lost()) < 10; asked += AT_ONCE) await Promise.all(Array.from({ length: AT_ONCE }, ask))
    const missing = await lost()

    signal('SIGTERM')
    while (await isThere(origin)) await delay(LOOK_AGAIN_MS)
    reading.resume()
    t.same(await ended, { code: 0, signal: null })
    const said = stdout()
      .split('\n')
      .filter((line) => line.startsWith('{'))
      .map((line): Record<string, unknown> => JSON.parse(line))
    const requests = said.filter(({ msg }) => msg === 'request').length
    const losses = said.filter(({ msg }) => /lines of the log were lost/.test(String(msg)))
    t.ok(requests + missing >= asked, `${requests} of ${asked} lines are there, ${missing} were counted`)
    t.equal(losses.length, 1)
    t.ok(
      Number(losses[0]?.lines) >= missing,
      'what is said at its end is what was counted, and what came then',
    )
  },
)

async function isThere(origin: string): Promise<boolean> {
  return await fetch(`${origin}/healthz`).then(
    ({ ok }) => ok,
    () => false,
  )
}
