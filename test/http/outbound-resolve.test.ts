// Owns the proofs that names are resolved by DNS alone, wholly, and not for longer than anybody waits.

import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import t, { type Test } from 'tap'
import { createOutboundFetch, OutboundError } from '../../src/http/outbound.ts'
import { createResolve } from '../../src/http/outbound-resolve.ts'
import { CERTIFICATE, startDocumentServer } from '../support/documents.ts'

const A = 1
const AAAA = 28
/** Record data by record type; `null`: no answer at all; absent: the name does not exist. */
type Zone = Readonly<Record<string, Readonly<Record<number, readonly Buffer[]>> | null>>

/** A name server on 127.0.0.1 (RFC 1035 §4) that answers from what the zone is at the moment. */
async function startNameServer(t: Test, zone: () => Zone) {
  const socket = createSocket('udp4')
  const asked: string[] = []
  socket.on('message', (query, from) => {
    const { name, type, end } = questionOf(query)
    asked.push(name)
    const records = zone()[name]
    if (records === null) return
    const answers = records?.[type] ?? []
    const header = Buffer.from(query.subarray(0, 12))
    header.writeUInt16BE(records === undefined ? 0x8183 : 0x8180, 2)
    header.writeUInt16BE(answers.length, 6)
    header.writeUInt32BE(0, 8)
    const body = answers.map((data) => {
      const record = Buffer.alloc(12)
      record.writeUInt16BE(0xc00c, 0)
      record.writeUInt16BE(type, 2)
      record.writeUInt16BE(1, 4)
      record.writeUInt16BE(data.length, 10)
      return Buffer.concat([record, data])
    })
    socket.send(Buffer.concat([header, query.subarray(12, end), ...body]), from.port, from.address)
  })
  socket.bind(0, '127.0.0.1')
  await once(socket, 'listening')
  t.teardown(() => socket.close())
  return { resolve: createResolve([`127.0.0.1:${socket.address().port}`]), asked }
}

function questionOf(query: Buffer): { name: string; type: number; end: number } {
  const labels: string[] = []
  let at = 12
  for (let length = query[at] ?? 0; length > 0; length = query[at] ?? 0) {
    labels.push(query.toString('latin1', at + 1, at + 1 + length))
    at += 1 + length
  }
  return { name: labels.join('.').toLowerCase(), type: query.readUInt16BE(at + 1), end: at + 5 }
}

const ipv4 = (address: string) => Buffer.from(address.split('.').map(Number))
const LOOPBACK_V6 = Buffer.alloc(16).fill(1, 15)
const never = new AbortController().signal

t.test('both kinds of addresses are found, IPv4 first', async (t) => {
  const zone = { 'app.test': { [A]: [ipv4('1.2.3.4'), ipv4('1.2.3.5')], [AAAA]: [LOOPBACK_V6] } }
  const { resolve } = await startNameServer(t, () => zone)
  t.same(await resolve('app.test', never), ['1.2.3.4', '1.2.3.5', '::1'])
})

t.test('one kind is enough', async (t) => {
  const { resolve } = await startNameServer(t, () => ({ 'app.test': { [AAAA]: [LOOPBACK_V6] } }))
  t.same(await resolve('app.test', never), ['::1'])
})

t.test('a name that does not exist has no addresses, and is not looked for elsewhere', async (t) => {
  const { resolve, asked } = await startNameServer(t, () => ({}))
  t.same(await resolve('nowhere.test', never), [])
  t.same([...new Set(asked)], ['nowhere.test'], 'no search domains')
})

t.test('a name server that is silent is waited for no longer than the deadline', async (t) => {
  const { resolve } = await startNameServer(t, () => ({
    'slow.test': null,
    'app.test': { [A]: [ipv4('1.2.3.4')] },
  }))
  const started = performance.now()
  await t.rejects(resolve('slow.test', AbortSignal.timeout(100)), { name: 'TimeoutError' })
  t.ok(performance.now() - started < 3000)
  await t.rejects(resolve('app.test', AbortSignal.abort()), { name: 'AbortError' })
  t.same(await resolve('app.test', never), ['1.2.3.4'])
})

t.test(
  'a name that leads to a public address first and inside afterwards reaches nothing inside',
  async (t) => {
    const server = await startDocumentServer((_request, response) => response.end('{}'))
    t.teardown(() => server.close())
    let address = '127.0.0.1'
    const { resolve, asked } = await startNameServer(t, () => ({ 'document.test': { [A]: [ipv4(address)] } }))
    // For this test 127.0.0.1 is the public internet, and everything else is inside.
    const outbound = createOutboundFetch({
      ownOrigin: 'https://gate.test',
      resolve,
      isAllowed: (candidate) => candidate === '127.0.0.1',
      dialPort: server.port,
      ca: CERTIFICATE,
    })
    t.equal((await outbound('https://document.test/1')).status, 200)
    t.equal(asked.length, 2, 'asked once for each kind, and never again for the connection')

    address = '127.0.0.2'
    const error = await outbound('https://document.test/2').catch((cause: unknown) => cause)
    t.equal(error instanceof OutboundError ? error.detail : error, 'the address is not public')
    t.equal(server.connections(), 1)
  },
)
