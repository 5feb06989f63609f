// Owns the promises about upstreams that are programs: they are spoken to, bounded, and never left behind.

import { chmod } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { PeerFailure } from '../../src/mcp/peer.ts'
import { createStdioChannels, type StdioLimits } from '../../src/upstreams/legacy/stdio-channel.ts'
import { createPrograms, type ProgramNeeds } from '../../src/upstreams/programs/programs.ts'
import { startProblem } from '../../src/upstreams/programs/startable.ts'
import { pauseAfter } from '../../src/upstreams/programs/starts.ts'
import type { StdioSettings } from '../../src/upstreams/settings.ts'
import { initialize, openChannel } from '../support/programs/channel.ts'
import { programUpstream, running, script, server } from '../support/programs/program-upstream.ts'
import { until } from '../support/until.ts'

const NOT_STARTED = new PeerFailure('unreachable', {
  description: 'The program of this server cannot be started.',
})
const IMPATIENT = { politeMs: 50, graceMs: 150 }

function stage(
  t: { teardown(close: () => Promise<void>): unknown },
  needs: Partial<ProgramNeeds> = {},
  limits: Partial<StdioLimits> = {},
) {
  const written: string[] = []
  const died: string[] = []
  const log: ProgramNeeds['log'] = {
    wrote: (upstream, line) => void written.push(`${upstream}: ${line}`),
    died: (upstream, how) => void died.push(`${upstream}: ${how}`),
  }
  const programs = createPrograms({ log, patience: IMPATIENT, ...needs })
  t.teardown(() => programs.close())
  return { open: createStdioChannels(programs, limits), programs, written, died }
}

/** A text that is in the command line of this test's processes and of no other's. */
let marks = 0
const mark = () => `mark-${process.pid}-${++marks}`

for (const name of ['v1-server', 'v2-server'] as const) {
  t.test(`a program on the SDK is spoken to: ${name}`, async (t) => {
    const { open, written } = stage(t, { patience: { politeMs: 3000 } })
    const heard = await openChannel(open, programUpstream(server(name)))
    t.match(await initialize(heard), { result: { serverInfo: { name: name.replace('server', 'program') } } })
    t.match(await heard.ask('tools/call', { name: 'hello', arguments: { name: 'Ann' } }), {
      result: { content: [{ text: /^Hello Ann, from \d+$/ }] },
    })
    await heard.channel.close()
    t.same(heard.failures, [])
    await t.rejects(heard.channel.send({ jsonrpc: '2.0', method: 'x' }), new PeerFailure('unreachable'))
    if (name === 'v1-server') t.same(written, ['tools: the v1 program is ready'])
  })
}

t.test('a program gets the environment that is configured, and nothing else', async (t) => {
  const { open } = stage(t)
  const env = { PATH: process.env.PATH ?? '', API_KEY: 'k' }
  const heard = await openChannel(open, programUpstream({ ...server('v1-server'), env }))
  await initialize(heard)
  const answer = await heard.ask('tools/call', { name: 'environment', arguments: {} })
  // What the test runner puts into every process.
  const names = JSON.stringify(answer)
    .match(/[A-Z_]{4,}/g)
    ?.filter((name) => !/TAPJS|NODE_OPTIONS/.test(name))
  t.same(names, ['API_KEY', 'PATH'])
})

t.test('arguments arrive as they are: no shell reads them', async (t) => {
  const { open } = stage(t)
  const text = '{"jsonrpc":"2.0","method":"$(id); `id` > /tmp/x"}'
  const heard = await openChannel(open, programUpstream({ command: 'echo', args: [text] }))
  await until('the line', () => heard.messages.length > 0)
  t.same(heard.messages, [JSON.parse(text)])
})

t.test('two hundred sessions leave no process behind, nor what their programs have started', async (t) => {
  const { open } = stage(t)
  const text = mark()
  const upstream = programUpstream(script('cat; : "$1"', text))
  const forking = programUpstream(script('sh -c "sleep 600; : $0" "$1" & cat; :', text))
  for (let round = 0; round < 10; round++) {
    const heards = await Promise.all(
      Array.from({ length: 20 }, (_, at) => openChannel(open, at % 2 ? upstream : forking)),
    )
    for (const heard of heards) await heard.channel.send({ jsonrpc: '2.0', method: 'x' })
    if (round === 0) t.ok(running(text) >= 20)
    await Promise.all(heards.map(({ channel }) => channel.close()))
  }
  t.equal(running(text), 0)
})

t.test('a program that ignores its end is ended, with its children', async (t) => {
  const { open } = stage(t)
  const text = mark()
  const stubborn = script(
    'trap "" TERM; (trap "" TERM; while :; do sleep 0.05; : "$1"; done) & while :; do sleep 0.05; : "$1"; done',
    text,
  )
  const { channel } = await openChannel(open, programUpstream(stubborn))
  await until('it runs', () => running(text) >= 2)
  await sleep(100)
  await channel.close()
  t.equal(running(text), 0)
})

t.test('what a program leaves behind when it ends is ended', async (t) => {
  const { open, died } = stage(t)
  const text = mark()
  const heard = await openChannel(
    open,
    programUpstream(script('sh -c "sleep 600; : $0" "$1" >/dev/null & read line; exit 7', text)),
  )
  await until('it runs', () => running(text) >= 2)
  await heard.channel.send({ jsonrpc: '2.0', method: 'x' })
  await until('the end', () => heard.failures.length > 0)
  t.match(heard.failures, [{ reason: 'unreachable', cause: { message: /ended with code 7/ } }])
  t.same(died, ['tools: it ended with code 7'])
  await until('nothing is left', () => running(text) === 0)
})

t.test('the last words of a program are heard', async (t) => {
  const { open } = stage(t)
  const heard = await openChannel(open, programUpstream(script(`echo '{"jsonrpc":"2.0","method":"last"}'`)))
  await until('the end', () => heard.failures.length > 0)
  t.same(heard.messages, [{ jsonrpc: '2.0', method: 'last' }])
})

t.test('a program that keeps ending is given longer and longer rests', async (t) => {
  const clock = { now: 1_000_000 }
  const { open } = stage(t, { clock: () => clock.now })
  const upstream = programUpstream(script('exit 1'))
  const die = async () => {
    const { failures } = await openChannel(open, upstream)
    await until('the end', () => failures.length > 0)
    await sleep(5)
  }
  for (const pause of [500, 1000, 2000]) {
    await die()
    clock.now += pause - 1
    const refused = await openChannel(open, upstream).catch((error: unknown) => error)
    t.match(refused, {
      reason: 'unreachable',
      cause: { message: /failed (once|\d times); it is started again in 1 s/ },
    })
    clock.now += 1
  }
  t.resolves(openChannel(open, upstream))
  t.same([0, 1, 2, 3, 8, 60].map(pauseAfter), [0, 500, 1000, 2000, 60_000, 60_000])
})

t.test('a rest that is nearly over is waited for, by whoever stays that long', async (t) => {
  const { open } = stage(t)
  const { command, args } = programUpstream(
    script('test -e "$1" && exec cat; touch "$1"', `${t.testdir()}/met`),
  )
  const upstream = programUpstream({ command, args })
  const began = performance.now()
  const first = await openChannel(open, upstream)
  await until('the end', () => first.failures.length > 0)
  await t.rejects(openChannel(open, upstream, AbortSignal.timeout(10)), { name: 'TimeoutError' })
  const second = await openChannel(open, upstream)
  t.ok(performance.now() - began >= 490, 'it waited')
  await second.channel.send({ jsonrpc: '2.0', method: 'x' })
  await until('an echo', () => second.messages.length > 0)
})

t.test('why a program cannot be started is known without starting it', async (t) => {
  const directory = t.testdir({ plain: 'text', bin: { tool: '#!/bin/sh\nexec cat\n' } })
  await chmod(`${directory}/bin/tool`, 0o755)
  const why = async (settings: Partial<StdioSettings>) =>
    (await startProblem(programUpstream(settings)))?.why ?? null
  t.match(await why({ command: '/does/not/exist' }), /file that is not there/)
  t.match(await why({ command: 'no-such-program-here' }), /no directory of its PATH/)
  t.match(await why({ command: `${directory}/plain` }), /may not be executed/)
  t.match(await why({ command: directory }), /file that is not there/)
  t.match(await why({ command: 'cat', cwd: `${directory}/nowhere` }), /cwd is no directory/)
  t.match(await why({ command: 'cat', cwd: `${directory}/plain` }), /cwd is no directory/)
  const { open } = stage(t)
  for (const settings of [
    { command: 'cat' },
    { command: `${directory}/bin/tool` },
    { command: 'bin/tool', cwd: directory },
    { command: 'tool', env: { PATH: `/nowhere:${directory}/bin` } },
  ]) {
    t.equal(await why(settings), null)
    const PATH = process.env.PATH ?? ''
    const { command } = settings
    const heard = await openChannel(open, programUpstream({ name: command, env: { PATH }, ...settings }))
    t.same(heard.failures, [], command)
  }
})

t.test('a program that is not there is unreachable', async (t) => {
  const { open } = stage(t)
  await t.rejects(openChannel(open, programUpstream({ command: '/does/not/exist' })), NOT_STARTED)
  await t.rejects(openChannel(open, programUpstream({ cwd: '/does/not/exist' })), NOT_STARTED)
  await t.resolves(openChannel(open, programUpstream({ cwd: '/' })))
})

t.test('as many run as may, for one upstream and for all', async (t) => {
  const { open } = stage(t, { limits: { maxPerUpstream: 2, maxTotal: 3 } })
  const [one, other] = [programUpstream(), programUpstream({ name: 'others' })]
  const first = await openChannel(open, one)
  await openChannel(open, one)
  await t.rejects(openChannel(open, one), new PeerFailure('busy'))
  await openChannel(open, other)
  await t.rejects(openChannel(open, other), new PeerFailure('busy'))
  await first.channel.close()
  await t.resolves(openChannel(open, other))
})

async function failureOf(heard: { readonly failures: readonly PeerFailure[] }) {
  await until('a failure', () => heard.failures.length > 0)
  return heard.failures[0]
}

t.test('a line without an end, and a program that writes no JSON, are failures of the session', async (t) => {
  const { open } = stage(t, {}, { maxMessageBytes: 10_000 })
  const text = mark()
  const endless = await openChannel(
    open,
    programUpstream(script('while :; do printf aaaaaaaaaaaaaaaa; done; : "$1"', text)),
  )
  t.match(await failureOf(endless), { reason: 'answer', cause: { message: /more than 10000 bytes/ } })
  const garbage = await openChannel(
    open,
    programUpstream({ ...script('yes "not JSON"; : "$1"', text), name: 'other' }),
  )
  t.match(await failureOf(garbage), { reason: 'answer', cause: { message: /not JSON-RPC/ } })
  await until('both are gone', () => running(text) === 0)
})

t.test('a greeting on the output is passed over', async (t) => {
  const { open } = stage(t)
  const heard = await openChannel(open, programUpstream(script('echo Welcome; echo 3; exec cat')))
  await heard.channel.send({ jsonrpc: '2.0', id: 1, method: 'x' })
  await until('the echo', () => heard.messages.length > 0)
  t.same(heard.messages, [{ jsonrpc: '2.0', id: 1, method: 'x' }])
  t.same(heard.failures, [])
})

t.test('a batch comes as its elements', async (t) => {
  const { open } = stage(t)
  const heard = await openChannel(open, programUpstream(script(`echo '[{"id":1},{"id":2}]'; exec cat`)))
  await until('both', () => heard.messages.length === 2)
})

t.test('a program that does not read is not written to without end', async (t) => {
  const { open } = stage(t, {}, { maxWaitingBytes: 100_000 })
  const { channel } = await openChannel(open, programUpstream(script('sleep 600')))
  const message = { jsonrpc: '2.0', method: 'x', params: { text: 'a'.repeat(50_000) } }
  const sent = Array.from({ length: 20 }, () =>
    channel.send(message).then(
      () => 'sent',
      (error: PeerFailure) => error.reason,
    ),
  )
  t.ok((await Promise.race([Promise.all(sent.slice(-1)), sleep(5000)]))?.includes('busy'))
})

t.test('its errors are logged line by line, cut and counted', async (t) => {
  const { open, written } = stage(t)
  await openChannel(
    open,
    programUpstream(script('head -c 100000 /dev/zero | tr "\\0" a >&2; echo >&2; yes >&2')),
  )
  await until('lines', () => written.length > 50)
  t.equal(written[0]?.length, 'tools: '.length + 4096)
  await sleep(300)
  t.ok(written.length <= 300)
})

t.test('an opening that is given up leaves nothing', async (t) => {
  const { open, programs } = stage(t)
  const text = mark()
  const leaving = AbortSignal.abort(new Error('left'))
  await t.rejects(openChannel(open, programUpstream(script('exec cat; : "$1"', text)), leaving), {
    message: 'left',
  })
  const soon = new AbortController()
  const opening = openChannel(open, programUpstream(script('cat; : "$1"', text)), soon.signal)
  soon.abort(new Error('left'))
  await t.rejects(opening, { message: 'left' })
  t.equal(running(text), 0)
  await openChannel(open, programUpstream(script('cat; : "$1"', text)))
  t.equal(running(text), 1)
  await programs.close()
  t.equal(running(text), 0)
  await t.rejects(openChannel(open, programUpstream()), new PeerFailure('unreachable'))
})

t.test('a program is shown nothing of a person', async (t) => {
  const { open } = stage(t)
  const events = { message: () => undefined, broken: () => undefined, closed: () => undefined }
  const { signal } = new AbortController()
  const opening = { upstream: programUpstream(), events, signal }
  const credential = async () => ({ kind: 'header' as const, name: 'authorization', value: 'x' })
  await t.rejects(open({ ...opening, credential }), new PeerFailure('credentials'))
  const channel = await open({ ...opening, credential: async () => ({ kind: 'none' }) })
  await channel.close()
})
