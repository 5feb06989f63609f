// Owns the proof that a body is what came, however it was cut and whatever was announced.

import t from 'tap'
import { createGathering } from '../../src/gateway/gathering.ts'

const pieces = () => ['one,', 'two,', 'three,', 'four'].map((text) => Buffer.from(text))
const WHOLE = 'one,two,three,four'

function gather(announced: number, chunks: readonly Buffer[]): Buffer {
  const gathering = createGathering(announced)
  for (const chunk of chunks) gathering.add(chunk)
  return gathering.whole()
}

t.test('a body is whole whether its length was announced or not', async (t) => {
  for (const announced of [0, WHOLE.length, Number.NaN])
    t.equal(gather(announced, pieces()).toString(), WHOLE, String(announced))
  t.equal(gather(0, []).length, 0)
  const only = Buffer.from(WHOLE)
  t.equal(gather(WHOLE.length, [only]), only, 'one piece is not copied')
})

t.test('of a body that ends early there is no more than came', async (t) => {
  t.equal(gather(WHOLE.length + 5, pieces()).toString(), WHOLE)
  t.equal(gather(1_000_000, pieces()).toString(), WHOLE)
})

t.test('the memory of a piece is given back, unless others share it', async (t) => {
  const chunks = [0, 1, 2, 3].map((fill) => Buffer.alloc(10_000, fill))
  const shared = Buffer.from('shared')
  const around = shared.buffer.byteLength
  const body = gather(40_006, [...chunks, shared])
  t.same(
    chunks.map(({ length }) => length),
    [0, 0, 0, 0],
  )
  t.equal(shared.buffer.byteLength, around)
  t.equal(shared.toString(), 'shared')
  t.same([...new Set(body.subarray(0, 40_000))], [0, 1, 2, 3])
  t.equal(body.subarray(40_000).toString(), 'shared')
})
