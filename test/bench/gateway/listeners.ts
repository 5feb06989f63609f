// Owns the clients with open event streams: plain sockets that ask once and then only listen.

import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { listenRequest } from './request.ts'

export interface Listeners {
  /** Resolves when so many more are open and acknowledged. */
  open(count: number): Promise<void>
  /** Milliseconds since each event that came in was sent, since the last time that this was asked. */
  delays(): readonly number[]
  close(): void
}

const AT_ONCE = 100
const SENT_AT = /"at":"(\d+)"/g

export function createListeners(
  url: string,
  { token, host }: { readonly token: string; readonly host: string },
): Listeners {
  const { hostname, port, pathname } = new URL(url)
  const { headers, body } = listenRequest()
  const lines = Object.entries({
    ...headers,
    host,
    authorization: `Bearer ${token}`,
    'content-length': body.length,
  })
  const request = `POST ${pathname} HTTP/1.1\r\n${lines.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n${body}`
  const sockets: Socket[] = []
  let delays: number[] = []

  async function openOne(): Promise<void> {
    const socket = connect(Number(port), hostname)
    sockets.push(socket)
    socket.write(request)
    const [first] = await once(socket, 'data')
    if (!String(first).startsWith('HTTP/1.1 200')) throw new Error(`No stream: ${first}`)
    socket.on('data', noteDelays)
    socket.on('error', () => socket.destroy())
  }

  function noteDelays(chunk: Buffer): void {
    const now = process.hrtime.bigint()
    for (const [, at = '0'] of String(chunk).matchAll(SENT_AT)) delays.push(Number(now - BigInt(at)) / 1e6)
  }

  return {
    async open(count) {
      for (let opened = 0; opened < count; opened += AT_ONCE)
        await Promise.all(Array.from({ length: Math.min(AT_ONCE, count - opened) }, openOne))
    },
    delays() {
      const noted = delays
      delays = []
      return noted
    },
    close() {
      for (const socket of sockets) socket.destroy()
    },
  }
}
