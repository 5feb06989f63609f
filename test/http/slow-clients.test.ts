// Owns the proof that a client that sends too much, or too slowly, has its connection closed, and nobody else waits for it.

import { connect } from 'node:net'
import t from 'tap'
import { build } from '../support/gatehouse.ts'

/** Everything that the server says until it closes the connection; `drip` is sent over and over until then. */
function heard(origin: string, first: string, drip: string | null = null): Promise<string> {
  const { hostname, port } = new URL(origin)
  return new Promise((resolve, reject) => {
    const socket = connect(Number(port), hostname, () => socket.write(first))
    const dripping = drip === null ? undefined : setInterval(() => socket.write(drip), 100)
    let text = ''
    socket.on('data', (chunk) => {
      text += chunk.toString('latin1')
    })
    // What is sent to a connection that was just closed.
    socket.on('error', (error) => ('code' in error && CLOSED.has(error.code) ? undefined : reject(error)))
    socket.on('close', () => {
      clearInterval(dripping)
      resolve(text)
    })
  })
}

const CLOSED: ReadonlySet<unknown> = new Set(['EPIPE', 'ECONNRESET'])
const HEAD = 'POST /mcp HTTP/1.1\r\nHost: HOST\r\nContent-Type: application/json\r\n'

t.test(
  'headers that are too large are refused, whatever they ask for, and a little less is not',
  async (t) => {
    const { origin } = await build(t, { env: { MAX_HEADERS: '8kb' } })
    const head = HEAD.replace('HOST', new URL(origin).host)
    const padded = (bytes: number) =>
      `${head}X-Padding: ${'x'.repeat(bytes)}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`
    t.match(await heard(origin, padded(9000)), /^HTTP\/1\.1 431 /)
    t.match(await heard(origin, padded(9000).replace('/mcp', '/token')), /^HTTP\/1\.1 431 /)
    t.match(await heard(origin, padded(7000)), /^HTTP\/1\.1 401 /)
  },
)
