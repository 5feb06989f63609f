// Owns the proof that an answer which only trickles is given up in time, however often it shows a sign of life.

import { Readable } from 'node:stream'
import { setTimeout as delay } from 'node:timers/promises'
import t from 'tap'
import { readBytes } from '../../src/http/answer-body.ts'

async function* trickle(drops: number) {
  for (let drop = 0; drop < drops; drop++) {
    await delay(20)
    yield Buffer.from('x')
  }
}

t.test('an answer has a time for each pause, and one for all of it', async (t) => {
  const endless = Readable.from(trickle(10_000))
  await t.rejects(readBytes(endless, 100_000, { stalledMs: 5000, wholeMs: 200 }), { message: /timed_out/ })
  t.ok(endless.destroyed)
  await t.rejects(readBytes(Readable.from(trickle(10_000)), 100_000, { stalledMs: 5, wholeMs: 60_000 }), {
    message: /timed_out/,
  })
  t.equal(
    (await readBytes(Readable.from(trickle(5)), 100_000, { stalledMs: 5000, wholeMs: 60_000 })).toString(),
    'xxxxx',
  )
})
