// Owns how the process ends: what listens is closed, what runs is finished, and it exits with success within its grace.

import { setTimeout } from 'node:timers/promises'
import t from 'tap'
import { events, openSession, openStream, post, request } from '../demo/wire.ts'
import { createBrowser } from '../support/browser.ts'
import { PASSWORD } from '../support/gatehouse.ts'
import { errorsIn } from '../support/lines.ts'
import { serve, usedDataDir } from '../support/process.ts'
import { connect } from '../support/sign-in.ts'

const ADMIN = 'admin@example.com'
const GRACE_SECONDS = 20
/** More than what still counts as the first signal. */
const ECHO_MS = 1_200

t.test('SIGTERM closes open streams, waits for a running call, and ends with success', async (t) => {
  const gatehouse = await serve(t, {
    DATA_DIR: await usedDataDir(t),
    ADMIN_EMAIL: ADMIN,
    ADMIN_PASSWORD: PASSWORD,
    SHUTDOWN_GRACE: `${GRACE_SECONDS}s`,
  })
  const { origin } = gatehouse
  const mcp = `${origin}/mcp`
  const { accessToken } = await connect(origin, createBrowser(origin), ADMIN)
  const session = await openSession(mcp, { authorization: `Bearer ${accessToken}` })
  const stream = await openStream(mcp, session)
  const call = await post(mcp, slowCall(), session)
  const answers = events(call)
  t.equal(stream.status, 200)
  t.match(await nextOf(answers), { method: 'notifications/progress' }, 'the call is running')
  t.equal((await fetch(`${origin}/readyz`)).status, 200)

  const began = performance.now()
  gatehouse.signal('SIGTERM')

  await stream.text()
  t.equal(await readiness(origin), 'not ready', 'while the call still runs')
  t.match(await lastOf(answers), { result: { content: [{ text: 'Counted down from 4.' }] } })
  t.same(await gatehouse.ended, { code: 0, signal: null })
  const took = Math.round(performance.now() - began)
  t.comment(`ended ${took} ms after the signal`)
  t.ok(took < GRACE_SECONDS * 1000, 'it did not wait for its whole grace')
  t.same(errorsIn(gatehouse.stdout()), [], 'nothing went wrong')
})

t.test('a call that is not done within the grace is broken off, and the process still ends', async (t) => {
  const gatehouse = await serve(t, {
    DATA_DIR: await usedDataDir(t),
    ADMIN_EMAIL: ADMIN,
    ADMIN_PASSWORD: PASSWORD,
    SHUTDOWN_GRACE: '0s',
  })
  const { origin } = gatehouse
  const mcp = `${origin}/mcp`
  const { accessToken } = await connect(origin, createBrowser(origin), ADMIN)
  const session = await openSession(mcp, { authorization: `Bearer ${accessToken}` })
  const answers = events(await post(mcp, slowCall({ from: 100 }), session))
  t.match(await nextOf(answers), { method: 'notifications/progress' })

  const broken = t.rejects(lastOf(answers))
  gatehouse.signal('SIGTERM')

  t.same(await gatehouse.ended, { code: 0, signal: null })
  await broken
})

t.test(
  'a signal that comes twice at once is one, and one that comes later ends the process at once',
  async (t) => {
    const idle = await serve(t, { DATA_DIR: await usedDataDir(t) })
    idle.signal('SIGINT')
    idle.signal('SIGINT')
    t.same(await idle.ended, { code: 0, signal: null })

    const busy = await serve(t, {
      DATA_DIR: await usedDataDir(t),
      ADMIN_EMAIL: ADMIN,
      ADMIN_PASSWORD: PASSWORD,
      SHUTDOWN_GRACE: `${GRACE_SECONDS}s`,
    })
    const mcp = `${busy.origin}/mcp`
    const { accessToken } = await connect(busy.origin, createBrowser(busy.origin), ADMIN)
    const session = await openSession(mcp, { authorization: `Bearer ${accessToken}` })
    const answers = events(await post(mcp, slowCall({ from: 100 }), session))
    t.match(await nextOf(answers), { method: 'notifications/progress' })
    const broken = t.rejects(lastOf(answers))
    busy.signal('SIGTERM')
    await setTimeout(ECHO_MS)
    busy.signal('SIGTERM')
    t.same(await busy.ended, { code: null, signal: 'SIGTERM' })
    await broken
  },
)

function slowCall({ from } = { from: 4 }): object {
  return request(7, 'tools/call', {
    name: 'countdown',
    arguments: { from, interval_ms: 400 },
    _meta: { progressToken: 'p' },
  })
}

type Events = ReturnType<typeof events>

/** A stream may begin with an event that holds nothing but its identifier. */
async function nextOf(answers: Events): Promise<unknown> {
  const { value } = await answers.next()
  return value === undefined || value.data !== '' ? messageOf(value?.data) : nextOf(answers)
}

async function lastOf(answers: Events): Promise<unknown> {
  let last: string | undefined
  for await (const { data } of answers) last = data
  return messageOf(last)
}

function messageOf(data: string | undefined): unknown {
  return data === undefined ? undefined : JSON.parse(data)
}

/** RFC 9110 §15.6.4, or nobody listens any more: either way a load balancer sends nothing more. */
async function readiness(origin: string): Promise<string> {
  const status = await fetch(`${origin}/readyz`).then(
    (answer) => answer.status,
    () => 'refused',
  )
  return status === 503 || status === 'refused' ? 'not ready' : String(status)
}
