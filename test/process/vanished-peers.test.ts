// Owns the proof that peers which vanish without a word are noticed: on both sides of an open stream the kernel asks for them.

import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import t from 'tap'
import { createListeners } from '../bench/gateway/listeners.ts'
import { build } from '../support/gatehouse.ts'
import { events, json, startHostileUpstream } from '../support/hostile-upstream.ts'
import { connect } from '../support/sign-in.ts'
import { until } from '../support/until.ts'

const ALICE = 'alice@example.com'
const SOCKETS = '/proc/net/tcp'
const ESTABLISHED = '01'
/** The kernel's name for the timer after which it asks whether the other side is still there. */
const UNACKNOWLEDGED_TIMER = '01'
const KEEP_ALIVE_TIMER = '02'
const TICKS_A_SECOND = 100
/** The comment of a silent stream. What waits to be acknowledged keeps the kernel from asking. */
const COMMENT_SECONDS = 25
/** libuv lets the kernel ask ten times, a second apart. */
const ASKING_SECONDS = 10

/** Of the connections at this port that are ours: in how many seconds the kernel asks, or null when it never does. */
async function secondsUntilAsked(end: 'local' | 'remote', port: number): Promise<readonly (number | null)[]> {
  let timers = await timersOf(end, port)
  await until('all is acknowledged', async () => {
    timers = await timersOf(end, port)
    return timers.every(({ kind }) => kind !== UNACKNOWLEDGED_TIMER)
  })
  return timers.map(({ kind, seconds }) => (kind === KEEP_ALIVE_TIMER ? seconds : null))
}

/** What the kernel waits for on each of them. */
async function timersOf(end: 'local' | 'remote', port: number) {
  const suffix = `:${port.toString(16).toUpperCase().padStart(4, '0')}`
  const [, ...lines] = (await readFile(SOCKETS, 'utf8')).trim().split('\n')
  return lines
    .map((line) => line.trim().split(/\s+/))
    .filter(([, local, remote, state]) => {
      const place = end === 'local' ? local : remote
      return state === ESTABLISHED && place?.endsWith(suffix)
    })
    .map(([, , , , , timer = '']) => {
      const [kind, ticks = ''] = timer.split(':')
      return { kind, seconds: Number.parseInt(ticks, 16) / TICKS_A_SECOND }
    })
}

t.test(
  'a client or an upstream that vanished is looked for within seconds, while a stream is silent',
  { skip: existsSync(SOCKETS) ? false : `there is no ${SOCKETS} to look at` },
  async (t) => {
    const upstream = await startHostileUpstream(t)
    upstream.answer((arrival, res) => {
      const { id, method } = JSON.parse(arrival.body)
      const known = { supportedVersions: ['2026-07-28'], capabilities: { tools: {} } }
      if (method === 'server/discover') json(res, 200, { jsonrpc: '2.0', id, result: known })
      else {
        events(res)
        res.write(': here\n\n')
      }
    })
    const { origin, createPerson, browser } = await build(t, {
      env: { UPSTREAMS: JSON.stringify({ mcpServers: { notes: { url: upstream.url } } }) },
    })
    await createPerson(ALICE)
    const { accessToken } = await connect(origin, browser(), ALICE)
    const { host, port } = new URL(origin)
    const listeners = createListeners(`${origin}/mcp`, { token: accessToken, host })
    t.teardown(() => listeners.close())
    await listeners.open(1)

    const ours = await secondsUntilAsked('local', Number(port))
    t.ok(ours.length > 0)
    for (const seconds of ours)
      t.ok(seconds !== null && seconds + ASKING_SECONDS < COMMENT_SECONDS, `a client: ${seconds}`)
    const theirs = await secondsUntilAsked('remote', Number(new URL(upstream.url).port))
    const streaming = theirs.filter((seconds) => seconds !== null)
    t.ok(streaming.length > 0)
    for (const seconds of streaming) t.ok(seconds + ASKING_SECONDS <= 60, `an upstream: ${seconds}`)
    const theirClients = await secondsUntilAsked('remote', Number(port))
    t.ok(theirClients.includes(null), 'who does not ask for it is seen not to')
  },
)
