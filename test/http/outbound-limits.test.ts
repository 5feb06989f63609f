// Owns the proofs that strangers cannot make the outbound fetch a flood, nor keep others from it.

import t, { type Test } from 'tap'
import { createOutboundFetch, OutboundError, type OutboundOptions } from '../../src/http/outbound.ts'
import { createOutboundLimits } from '../../src/http/outbound-limits.ts'
import { type Answer, reaching, startDocumentServer } from '../support/documents.ts'

async function setUp(
  t: Test,
  options: Partial<OutboundOptions> = {},
  answer: Answer = (_request, response) => response.end('{}'),
) {
  const server = await startDocumentServer(answer)
  t.teardown(() => server.close())
  const fetch = createOutboundFetch({ ownOrigin: 'https://gate.test', ...reaching(server), ...options })
  return { server, fetch }
}

const refusal = (response: Promise<Response>) =>
  response.then(
    () => 'answered',
    (error: unknown) => (error instanceof OutboundError ? error.detail : String(error)),
  )

t.test('a host is fetched from so often within a minute, and another one still is', async (t) => {
  let now = 0
  const { server, fetch } = await setUp(t, { limits: { perHostPerMinute: 3 }, clock: () => now })
  for (const path of ['1', '2', '3']) await fetch(`https://victim.document.test/${path}`)
  t.equal(await refusal(fetch('https://victim.document.test/4')), 'too many fetches within a minute')
  t.equal(server.connections(), 3)
  t.equal((await fetch('https://document.test/other')).status, 200)
  now += 60_000
  t.equal((await fetch('https://victim.document.test/4')).status, 200)
})

t.test('all hosts together are fetched from so often within a minute', async (t) => {
  let now = 0
  const { server, fetch } = await setUp(t, { limits: { perMinute: 3 }, clock: () => now })
  for (const host of ['a', 'b', 'c']) await fetch(`https://${host}.document.test/c`)
  t.equal(await refusal(fetch('https://d.document.test/c')), 'too many fetches within a minute')
  t.equal(server.connections(), 3)
  now += 60_000
  t.equal((await fetch('https://d.document.test/c')).status, 200)
})

t.test('refused and failed fetches count too', async (t) => {
  const { fetch } = await setUp(t, { limits: { perHostPerMinute: 2 }, resolve: async () => [] })
  t.equal(await refusal(fetch('https://document.test/1')), 'the name has no address')
  t.equal(await refusal(fetch('https://document.test/1')), 'the name has no address')
  t.equal(await refusal(fetch('https://document.test/1')), 'too many fetches within a minute')
})

t.test('one document serves everybody who asks for it within half a minute', async (t) => {
  let now = 0
  const { server, fetch } = await setUp(t, { clock: () => now })
  const [first, second] = await Promise.all([
    fetch('https://document.test/keys'),
    fetch('https://document.test/keys'),
  ])
  t.same([await first.text(), await second.text()], ['{}', '{}'])
  now += 29_999
  t.equal(await (await fetch('https://document.test/keys')).text(), '{}')
  t.equal(server.requests.length, 1)
  now += 1
  await fetch('https://document.test/keys')
  t.equal(server.requests.length, 2)
})

t.test('a failure is not kept', async (t) => {
  let status = 500
  const { fetch } = await setUp(t, {}, (_request, response) => response.writeHead(status).end('{}'))
  t.equal(await refusal(fetch('https://document.test/c')), 'the answer was 500')
  status = 200
  t.equal((await fetch('https://document.test/c')).status, 200)
})

t.test('one host has one request at a time, others are served meanwhile', async (t) => {
  const held: (() => void)[] = []
  const { server, fetch } = await setUp(t, {}, (request, response) => {
    if (request.headers.host === 'slow.document.test') held.push(() => response.end('{}'))
    else response.end('{}')
  })
  const slow = [fetch('https://slow.document.test/1'), fetch('https://slow.document.test/2')]
  await fetch('https://document.test/c')
  t.equal(server.requests.filter(({ headers }) => headers.host === 'slow.document.test').length, 1)
  held.shift()?.()
  await slow[0]
  while (held.length === 0) await new Promise(setImmediate)
  held.shift()?.()
  t.equal((await slow[1])?.status, 200)
})

t.test('no more than a few requests are under way at once; who waits too long is refused', async (t) => {
  let silent = true
  const options = { limits: { concurrent: 2 }, timeoutMs: 1500 }
  const { server, fetch } = await setUp(t, options, (_request, response) => {
    if (!silent) response.end('{}')
  })
  const all = ['a', 'b', 'c'].map((host) => refusal(fetch(`https://${host}.document.test/c`)))
  while (server.requests.length < 2) await new Promise(setImmediate)
  t.equal(server.connections(), 2)
  t.same(await Promise.all(all), ['it took too long', 'it took too long', 'it took too long'])
  silent = false
  t.equal((await fetch('https://d.document.test/c')).status, 200)
})

t.test('a place is given to whoever can use it', async (t) => {
  const { run } = createOutboundLimits({ concurrent: 2, perHostPerMinute: 9, perMinute: 9 }, Date.now)
  const { signal } = new AbortController()
  const first = Promise.withResolvers<void>()
  const order: string[] = []
  const start = (host: string, until: Promise<void> = Promise.resolve()) =>
    run(host, signal, async () => {
      order.push(host)
      await until
    })
  const running = [start('a', first.promise), start('b'), start('a'), start('c')]
  await running[3]
  t.same(order, ['a', 'b', 'c'])
  first.resolve()
  await Promise.all(running)
  t.same(order, ['a', 'b', 'c', 'a'])
})
