// Owns the promises of a meter: what passes, when to come back, and that it remembers nobody who is idle.

import t from 'tap'
import { createMeter, type Meter, type Passing } from '../../src/http/meter.ts'
import { type Allowance, UNLIMITED } from '../../src/oauth/allowance.ts'

const CALL: Passing = { listening: false, messages: 1, urgent: false }
const STREAM: Passing = { ...CALL, listening: true }

function meter(allowance: Partial<Allowance>): Meter {
  const made = createMeter({ ...UNLIMITED, ...allowance })
  if (made === null) throw new Error('nothing to measure')
  return made
}

/** Enters when it may; the excess otherwise. */
function pass(measured: Meter, key: string, now: number, passing = CALL) {
  const excess = measured.excess(key, passing, now)
  if (excess === null) measured.enter(key, passing, now)
  return excess
}

t.test('where nothing is limited there is nothing to measure', async (t) => {
  t.equal(createMeter(UNLIMITED), null)
})

t.test('a rate lets its whole number come at once, and gives them back evenly', async (t) => {
  const measured = meter({ rate: { times: 3, seconds: 6 } })
  for (let n = 0; n < 3; n++) t.equal(pass(measured, 'alice', 0), null)
  t.same(pass(measured, 'alice', 0), { of: 'rate', retryAfterSeconds: 2 })
  t.equal(pass(measured, 'bob', 0), null, 'each has their own')
  t.same(pass(measured, 'alice', 1500), { of: 'rate', retryAfterSeconds: 1 }, 'what was refused cost nothing')
  t.equal(pass(measured, 'alice', 2000), null)
  t.same(pass(measured, 'alice', 1000), { of: 'rate', retryAfterSeconds: 2 }, 'a clock that was set back')
  for (let n = 0; n < 3; n++) t.equal(pass(measured, 'alice', 60_000), null)
  t.ok(pass(measured, 'alice', 60_000), 'no more than the whole number, however long it was quiet')
})

t.test(
  'a batch counts for each of its messages, and one that is too large waits for all of them',
  async (t) => {
    const measured = meter({ rate: { times: 4, seconds: 4 } })
    t.equal(pass(measured, 'alice', 0, { ...CALL, messages: 3 }), null)
    t.same(pass(measured, 'alice', 0, { ...CALL, messages: 3 }), { of: 'rate', retryAfterSeconds: 2 })
    t.same(pass(measured, 'alice', 3000 - 1, { ...CALL, messages: 100 }), {
      of: 'rate',
      retryAfterSeconds: 1,
    })
    t.equal(pass(measured, 'alice', 3000, { ...CALL, messages: 100 }), null)
  },
)

t.test('calls and streams take places of their own, and give them back', async (t) => {
  const measured = meter({ calls: 2, streams: 1 })
  t.equal(pass(measured, 'alice', 0), null)
  t.equal(pass(measured, 'alice', 0), null)
  t.same(pass(measured, 'alice', 0), { of: 'calls', retryAfterSeconds: 1 })
  t.equal(pass(measured, 'alice', 0, STREAM), null)
  t.same(pass(measured, 'alice', 0, STREAM), { of: 'streams', retryAfterSeconds: 1 })
  t.equal(pass(measured, 'alice', 0, { ...CALL, urgent: true }), null, 'what makes room finds some')
  t.equal(pass(measured, 'alice', 0, { ...CALL, urgent: true }), null)
  t.ok(pass(measured, 'alice', 0, { ...CALL, urgent: true }), 'but not without end')
  for (let n = 0; n < 3; n++) measured.leave('alice', CALL)
  t.equal(pass(measured, 'alice', 0), null)
  measured.leave('alice', STREAM)
  t.equal(pass(measured, 'alice', 0, STREAM), null)
})

t.test('who is idle is forgotten', async (t) => {
  const places = meter({ calls: 2 })
  for (let n = 0; n < 1000; n++) {
    pass(places, `person-${n}`, 0)
    places.leave(`person-${n}`, CALL)
  }
  t.equal(places.size(), 0)

  const rated = meter({ rate: { times: 10, seconds: 1 } })
  pass(rated, 'staying', 0)
  for (let n = 0; n < 10_000; n++) {
    pass(rated, `person-${n}`, n)
    rated.leave(`person-${n}`, CALL)
  }
  t.ok(rated.size() < 300, `${rated.size()} are remembered, about those of the last tenth of a second`)
  const full = { rate: { times: 1, seconds: 1 } }
  const kept = meter(full)
  pass(kept, 'alice', 0)
  for (let n = 0; n < 100; n++) pass(kept, `person-${n}`, 1)
  t.ok(pass(kept, 'alice', 2), 'nobody is forgotten whose rate is used up')
})
