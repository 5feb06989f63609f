// Owns the proof that clients who read slowly cost little memory, however much is there for them. SLOW=1000 makes it the long version.

import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import type { ServerResponse } from 'node:http'
import { connect as dial, type Socket } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { callOf } from '../bench/gateway/request.ts'
import { createBrowser } from '../support/browser.ts'
import { createTestDatabase } from '../support/database.ts'
import { createPerson } from '../support/gatehouse.ts'
import { events, json, startHostileUpstream } from '../support/hostile-upstream.ts'
import { inspect } from '../support/inspector.ts'
import { freePort } from '../support/local-server.ts'
import { serve } from '../support/process.ts'
import { connect } from '../support/sign-in.ts'

const SLOW = Number(process.env.SLOW ?? 40)
const AT_ONCE = 20
const MANY_READERS = 500
const IN_USE = '(({ heapUsed, external }) => heapUsed + external)(process.memoryUsage())'
const MOST_BYTES_EACH = 256 * 1024
const ALICE = 'alice@example.com'
const BLOCK = `data: ${'x'.repeat(65_000)}\n\n`
const READ_BYTES = 1024
const READ_EVERY_MS = 1_000
const MANY = '100000'

t.setTimeout(240_000 + SLOW * 100)

async function setStage(t: Test, upstreamUrl: string) {
  const { config, db } = await createTestDatabase(t)
  if (config.kind !== 'postgres') throw new Error('not PostgreSQL')
  const port = String(await freePort())
  const origin = `http://localhost:${port}`
  const inspectorPort = await freePort()
  const { pid } = await serve(t, {
    PORT: port,
    PUBLIC_URL: origin,
    DATABASE_URL: config.url,
    SECRET_KEY: randomBytes(32).toString('base64url'),
    UPSTREAMS: JSON.stringify({ mcpServers: { notes: { url: upstreamUrl } } }),
    ACCESS_TOKEN_TTL: '1h',
    RATE_PER_PERSON: 'off',
    MAX_CALLS_PER_PERSON: MANY,
    MAX_CALLS_PER_UPSTREAM: MANY,
    NODE_OPTIONS: `--inspect-port=${inspectorPort}`,
  })
  await createPerson(db, ALICE)
  const { accessToken } = await connect(origin, createBrowser(origin), ALICE, {
    parameters: { resource: `${origin}/mcp/notes`, scope: 'notes' },
  })
  const inspector = await inspect(pid, inspectorPort)
  t.teardown(() => inspector.close())
  // Resident memory has megabytes of chance in it, which a thousand readers do not notice and forty do.
  const held = async () => {
    await inspector.collectGarbage()
    return Number(await inspector.evaluate(SLOW < MANY_READERS ? IN_USE : 'process.memoryUsage.rss()'))
  }
  return { origin, token: accessToken, held }
}

/** As much as anybody takes. */
function pour(res: ServerResponse, written: (bytes: number) => void): void {
  const more = () => {
    do written(BLOCK.length)
    while (res.write(BLOCK))
  }
  res.on('drain', more)
  more()
}

/** Resolves with a socket on which the answer has begun, and of which nothing more is read. */
async function begin(origin: string, token: string): Promise<Socket> {
  const { headers, body } = callOf('pour', {})
  const { hostname, port, host } = new URL(origin)
  const all = { ...headers, host, authorization: `Bearer ${token}`, 'content-length': body.length }
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`)
  const socket = dial(Number(port), hostname)
  socket.write(`POST /mcp/notes HTTP/1.1\r\n${lines.join('')}\r\n${body}`)
  await once(socket, 'readable')
  const head = String(socket.read())
  if (!head.startsWith('HTTP/1.1 200')) throw new Error(`no stream: ${head}`)
  return socket
}

async function beginAll(origin: string, token: string, count: number): Promise<readonly Socket[]> {
  const sockets: Socket[] = []
  while (sockets.length < count)
    sockets.push(...(await Promise.all(Array.from({ length: AT_ONCE }, () => begin(origin, token)))))
  return sockets
}

async function standstill(read: () => number): Promise<void> {
  for (let noted = -1; noted !== read(); ) {
    noted = read()
    await delay(2 * READ_EVERY_MS)
  }
}

t.test(`${SLOW} clients that read a kilobyte a second take at most 256 KiB each`, async (t) => {
  const upstream = await startHostileUpstream(t)
  const answer = (id: unknown, result: object) => ({ jsonrpc: '2.0', id, result })
  let written = 0
  upstream.answer((arrival, res) => {
    const { id, method, params } = JSON.parse(arrival.body)
    if (method === 'server/discover')
      json(res, 200, answer(id, { supportedVersions: ['2026-07-28'], capabilities: { tools: {} } }))
    else if (method === 'tools/list')
      json(res, 200, answer(id, { tools: [], ttlMs: 0, cacheScope: 'public' }))
    else if (params.name === 'quick') json(res, 200, answer(id, { content: [] }))
    else {
      events(res)
      pour(res, (bytes) => {
        written += bytes
      })
    }
  })
  const { origin, token, held } = await setStage(t, upstream.url)
  const callQuick = async () => {
    const { headers, body } = callOf('quick', {})
    const began = performance.now()
    const { status } = await fetch(`${origin}/mcp/notes`, {
      method: 'POST',
      headers: { ...headers, authorization: `Bearer ${token}` },
      body,
    })
    t.equal(status, 200)
    return performance.now() - began
  }
  // What the first ones make the process load, and keep.
  for (const socket of await beginAll(origin, token, AT_ONCE)) socket.destroy()
  await callQuick()
  await delay(READ_EVERY_MS)
  const before = await held()
  written = 0

  const sockets = await beginAll(origin, token, SLOW)
  const reading = setInterval(() => {
    for (const socket of sockets) socket.read(READ_BYTES)
  }, READ_EVERY_MS)
  t.teardown(() => clearInterval(reading))
  await standstill(() => written)
  const each = ((await held()) - before) / SLOW
  t.comment(`${Math.round(each / 1024)} KiB each, ${Math.round(written / SLOW / 1024)} KiB written to each`)
  t.ok(each <= MOST_BYTES_EACH, 'what nobody reads stays where it is')
  t.ok(written / SLOW > MOST_BYTES_EACH, 'and there was more than that')
  t.ok((await callQuick()) < 10_000, 'nobody else waits')
  t.notOk(
    sockets.some(({ destroyed }) => destroyed),
    'a slow reader is not cut off',
  )
  for (const socket of sockets) socket.destroy()
})
