// Owns the proof that a large message is the same whether all of it is read or only what is asked for.

import { isUtf8 } from 'node:buffer'
import { isDeepStrictEqual } from 'node:util'
import t from 'tap'
import { countMembers } from '../../src/gateway/json-shape.ts'
import { type MessageLimits, type RpcMessage, readMessages, readWhole } from '../../src/gateway/message.ts'
import { outlineOf } from '../../src/gateway/outline.ts'
import { Refusal } from '../../src/gateway/refusal.ts'
import { isRecord } from '../../src/mcp/rpc.ts'
import { type Draw, drawing, randomMessage, spoiled } from './random-json.ts'

const LIMITS: MessageLimits = { maxDepth: 100, maxBatch: 100 }
const SEED = 20260728
const MESSAGES = 4_000
const LONG = 'x'.repeat(5_000)

const large = (params: unknown, rest: object = {}) =>
  Buffer.from(JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params, ...rest }))

/** The messages, or what a client is told instead. */
function verdict(read: () => readonly RpcMessage[]): unknown {
  try {
    return read()
  } catch (error) {
    if (error instanceof Refusal) return error.body
    throw error
  }
}

function isObjectIn(bytes: Buffer): boolean {
  try {
    return isRecord(JSON.parse(bytes.toString()))
  } catch {
    return false
  }
}

/** Four bytes are looked at together, wherever the memory of the message begins. */
function made(draw: Draw): Buffer {
  const text = randomMessage(draw)
  const bytes = draw(2) ? Buffer.from(text) : spoiled(text, draw)
  return Buffer.concat([Buffer.alloc(draw(4)), bytes]).subarray(-bytes.length)
}

t.test(
  'made-up messages, whole and spoiled, get the same verdict and the same members both ways',
  async (t) => {
    const draw = drawing(SEED)
    const bodies = Array.from({ length: MESSAGES }, () => made(draw)).filter((body) => isUtf8(body))
    const seen = { accepted: 0, refused: 0, cut: 0, unreadable: 0 }
    for (const body of bodies) {
      const whole = verdict(() => readWhole(body, true, LIMITS))
      const asked = verdict(() => readMessages(body, true, LIMITS))
      if (!isDeepStrictEqual(asked, whole)) t.same(asked, whole, body.toString())
      const outline = outlineOf(body, LIMITS.maxDepth)
      const isReadable = isObjectIn(body) && countMembers(body, LIMITS.maxDepth) !== null
      if ((outline !== null) !== isReadable) t.equal(outline !== null, isReadable, body.toString())
      seen[typeof whole === 'string' ? 'refused' : 'accepted']++
      if (outline === null) seen.unreadable++
      if (outline?.cuts.length) seen.cut++
    }
    for (const [what, count] of Object.entries(seen)) t.ok(count > MESSAGES / 20, `${what}: ${count}`)
  },
)

t.test('every byte that can be left out or put in is noticed as JSON.parse notices it', async (t) => {
  const text = '{"a":{"b":[-0.5e+1,"\\u00e9\\n",{"c":[true,false,null,{},[]]}]},"d":"ab cd ef gh"} '
  const bytes = Buffer.from(text)
  let refused = 0
  for (let at = 0; at <= bytes.length; at++)
    for (const put of ['', ...'"\\{}[],:019-+.eEutx \t\n\r', '\u0000', '\u001f'])
      for (const over of [0, 1]) {
        const changed = Buffer.concat([bytes.subarray(0, at), Buffer.from(put), bytes.subarray(at + over)])
        const is = outlineOf(changed, 100) !== null
        if (!is) refused++
        if (is !== isObjectIn(changed)) t.equal(is, isObjectIn(changed), changed.toString())
      }
  t.ok(refused > 1_000)
  t.not(outlineOf(bytes, 100), null)
  t.equal(outlineOf(Buffer.from('7'), 100), null)
  t.equal(outlineOf(Buffer.alloc(0), 100), null)
})

t.test('what is large in the params is read when it is asked for, and once', async (t) => {
  const given = { name: 'x', arguments: { text: LONG, list: [LONG, { deep: 1 }] }, _meta: { small: true } }
  const body = large(given)
  const [message] = readMessages(body, false, LIMITS)
  const params = message?.params ?? {}
  const read = (name: string) => Object.getOwnPropertyDescriptor(params, name)
  t.equal(typeof read('arguments')?.get, 'function')
  t.same([read('name')?.value, read('_meta')?.value], ['x', { small: true }])
  t.same(Object.keys(params), ['name', 'arguments', '_meta'])
  t.equal(params.arguments, params.arguments)
  t.same({ ...params }, given)
  t.equal(JSON.stringify(params), JSON.stringify(given))
})

t.test('a large member called __proto__ is a member', async (t) => {
  const text = `{"jsonrpc":"2.0","id":1,"method":"m","params":{"__proto__":{"name":"${LONG}"},"name":"y"}}`
  const [message] = readMessages(Buffer.from(text), false, LIMITS)
  const params = message?.params ?? {}
  t.ok(Object.hasOwn(params, '__proto__'))
  t.equal(Object.getPrototypeOf(params), Object.prototype)
  t.equal(params.name, 'y')
})

t.test('a large response leaves nothing behind in the next message', async (t) => {
  const response = Buffer.from(
    `{"jsonrpc":"2.0","id":1,"result":{"a":"${LONG}"},"params":{"name":"${LONG}"}}`,
  )
  t.same(readMessages(response, false, LIMITS)[0]?.params, {})
  const [next] = readMessages(Buffer.from('{"jsonrpc":"2.0","id":2,"method":"ping"}'), false, LIMITS)
  t.same(next?.params, {})
})

t.test('two names are refused although one of them is left out', async (t) => {
  const twice = `{"jsonrpc":"2.0","id":1,"method":"m","params":{"name":"${LONG}","n\\u0061me":"b"}}`
  t.match(
    verdict(() => readMessages(Buffer.from(twice), false, LIMITS)),
    'A member appears twice.',
  )
  t.equal(readMessages(large({ name: LONG, other: 'b' }), false, LIMITS).length, 1)
})
