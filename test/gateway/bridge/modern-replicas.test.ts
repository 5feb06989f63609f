// Owns the proof that a client may come back to another replica than the one that holds its call.

import { createServer } from 'node:http'
import { setTimeout as delay } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { createLocalMailbox, type Mailbox } from '../../../src/mcp/mailbox.ts'
import { isRecord, type Members } from '../../../src/mcp/rpc.ts'
import { createArriving } from '../../../src/upstreams/legacy/arriving.ts'
import { resumeElsewhere } from '../../../src/upstreams/legacy/handover.ts'
import { messagesOf } from '../../../src/upstreams/legacy/handover-message.ts'
import { DEFAULT_LEGACY_LIMITS, type LegacyLimits } from '../../../src/upstreams/legacy/limits.ts'
import { serveLocally } from '../../support/local-server.ts'
import { listening } from '../../upstreams/peers.ts'
import { type Answer, errorOf, type Sent, send, until } from '../stage.ts'
import { askingServers } from './asking-server.ts'
import { serveLegacy } from './legacy-upstream.ts'
import { asking, connectModern, newSecret, setBridge } from './modern-stage.ts'

const MEGABYTE = 1024 * 1024
const PATIENT = { takenMs: 60_000, beatMs: 15_000 }
const CAPABILITIES = { elicitation: { form: {} } }

/** As narrow as the one between processes. */
function narrowMailbox(): Mailbox {
  const local = createLocalMailbox()
  return {
    open: local.open,
    async send(address, message) {
      if (Buffer.byteLength(JSON.stringify(message)) > MEGABYTE) throw new Error('too large')
      await local.send(address, message)
    },
  }
}

async function twoReplicas(
  t: Test,
  mailbox: Mailbox = createLocalMailbox(),
  limits: Partial<LegacyLimits> = { takenMs: 1500, beatMs: 50 },
) {
  const servers = askingServers()
  const upstream = await serveLegacy(t, servers.build)
  const secret = newSecret()
  const one = await setBridge(t, upstream.url, { mailbox, secret, limits })
  const other = await setBridge(t, upstream.url, { mailbox, secret, limits, sharing: one })
  return { servers, upstream, one, other, token: await one.token() }
}

/** What took long enough has become a stream. */
function lastOf({ json, text }: Answer): Members {
  const last = text.split('\n').findLast((line) => line.startsWith('data: {'))
  return last === undefined ? json : JSON.parse(last.slice('data: '.length))
}

function calling(token: string, more: object, signal?: AbortSignal): Sent {
  const options = { token, capabilities: CAPABILITIES, ...(signal && { signal }) }
  return asking('tools/call', { name: 'ask', arguments: { again: 1 }, ...more }, options)
}

/** The retry that answers what an answer asks for. */
function backTo({ json }: Answer, name = 'Ann'): object {
  const { result } = json
  if (typeof result !== 'object' || result === null) throw new Error('there is no result')
  if (!('inputRequests' in result && 'requestState' in result)) throw new Error('nothing is asked')
  const keys = Object.keys(result.inputRequests ?? {})
  const response = { action: 'accept', content: { name } }
  return {
    requestState: result.requestState,
    inputResponses: Object.fromEntries(keys.map((key) => [key, response])),
  }
}

t.test('each round at another replica', async (t) => {
  const { servers, upstream, one, other, token } = await twoReplicas(t)
  const first = await send(one, calling(token, {}))
  const second = await send(other, calling(token, backTo(first)))
  t.match(second.json.result, { resultType: 'input_required' })
  t.equal(one.peer.held(), 1)
  t.equal(other.peer.held(), 0)
  const third = await send(one, calling(token, backTo(second)))
  t.match(third.json.result, { resultType: 'complete', content: [{ text: /Ann.*Ann/ }] })
  t.equal(servers.runs('ask'), 1)
  t.equal(upstream.sessions(), 1)
})

t.test('a real client behind a balancer that alternates', async (t) => {
  const { servers, one, other } = await twoReplicas(t)
  let turn = 0
  const balancer = createServer((req, res) => {
    const target = new URL(req.url ?? '', turn++ % 2 === 0 ? one.origin : other.origin)
    const body: Buffer[] = []
    req.on('data', (chunk: Buffer) => body.push(chunk))
    req.on('end', async () => {
      const headers = Object.entries(req.headers).filter(
        ([name]) => !['host', 'connection', 'content-length'].includes(name),
      )
      const answer = await fetch(target, {
        method: 'POST',
        headers: Object.fromEntries(headers.map(([name, value]) => [name, String(value)])),
        body: Buffer.concat(body).toString(),
      })
      res.writeHead(answer.status, { 'content-type': answer.headers.get('content-type') ?? '' })
      res.end(await answer.text())
    })
  })
  const stage = { origin: await serveLocally(t, balancer), token: one.token }
  const client = await connectModern(t, stage, { capabilities: CAPABILITIES })
  client.setRequestHandler('elicitation/create', () => ({ action: 'accept', content: { name: 'Ann' } }))
  t.match(await client.callTool({ name: 'ask', arguments: { again: 3 } }), { content: [{ text: /Ann/ }] })
  t.equal(servers.runs('ask'), 1)
})

t.test('what is brought back may be larger than a message between replicas', async (t) => {
  const { servers, one, other, token } = await twoReplicas(t, narrowMailbox(), PATIENT)
  // Each pair is more bytes of JSON than characters, and a part may end between the two of a character.
  const name = `a${'\u{1f600}"'.repeat(MEGABYTE / 4)}`
  const first = await send(one, calling(token, { arguments: { again: 0 } }))
  const back = { ...backTo(first, name), arguments: { again: 0 } }
  const { result } = lastOf(await send(other, calling(token, back)))
  const [block] = isRecord(result) && Array.isArray(result.content) ? result.content : []
  t.same(JSON.parse(block?.text ?? '[]'), [{ action: 'accept', content: { name } }])
  t.equal(servers.runs('ask'), 1)
})

t.test('what is larger than a call may bring back is refused in so many words', async (t) => {
  const resume = {
    kind: 'resume',
    from: 'a',
    call: 'b',
    round: 1,
    logLevel: null,
    progressToken: null,
  } as const
  const kindsOf = (length: number) =>
    messagesOf({ ...resume, responses: { a: 'x'.repeat(length) } })?.map(({ kind }) => kind)
  t.same(kindsOf(1000), ['resume'])
  t.same(kindsOf(MEGABYTE)?.slice(-2), ['part', 'resume_parts'])
  t.equal(kindsOf(16 * MEGABYTE), undefined)
  const ears = { ...listening(), logLevel: null, progressToken: undefined }
  const whole = { call: 'b', round: 1, responses: { a: 'x'.repeat(16 * MEGABYTE) } }
  const sent: unknown[] = []
  const local = createLocalMailbox()
  const mailbox = { ...local, send: async (_: string, message: unknown) => void sent.push(message) }
  await t.rejects(resumeElsewhere(mailbox, 'holder', whole, ears, DEFAULT_LEGACY_LIMITS), {
    name: 'PeerFailure',
    description: /16 MB.*with less/,
  })
  t.match(sent, [{ kind: 'left' }], 'and none of it is sent')
})

t.test('parts that stop to come, are too many, or are somebody else’s come to nothing', async (t) => {
  const arriving = createArriving(0)
  arriving.add('one', '{"a"')
  arriving.add('other', '{')
  arriving.add('one', ':1}')
  t.equal(arriving.take('one'), '{"a":1}')
  t.equal(arriving.take('one'), null, 'once')
  await delay(5)
  arriving.sweep()
  t.equal(arriving.take('other'), null)
  for (let part = 0; part < 17; part++) arriving.add('large', 'x'.repeat(MEGABYTE))
  t.equal(arriving.take('large'), null)
  arriving.add('small', 'x')
  t.equal(arriving.take('small'), 'x')
})

t.test('a replica that is gone with the call is told as such, and the tool does not run again', async (t) => {
  const { servers, one, other, token } = await twoReplicas(t)
  const first = await send(one, calling(token, {}))
  await one.peer.close()
  const lost = await send(other, calling(token, backTo(first)))
  t.equal(lost.status, 400)
  t.match(errorOf(lost), { code: -32602, message: /Make the call again/ })
  t.match(other.events.at(-1), { outcome: 'refused', reason: 'lost' })
  t.equal(servers.runs('ask'), 1)
  t.match((await send(other, calling(token, {}))).json.result, { resultType: 'input_required' })
  t.equal(servers.runs('ask'), 2)
})

t.test('only one of two retries at two replicas goes on', async (t) => {
  const { servers, one, other, token } = await twoReplicas(t)
  const back = backTo(await send(one, calling(token, {})))
  const answers = await Promise.all([send(one, calling(token, back)), send(other, calling(token, back))])
  t.same(answers.map(({ status }) => status).sort(), [200, 400])
  t.equal(servers.runs('ask'), 1)
})

t.test(
  'a client that leaves the other replica cancels its call, and so does a replica that falls silent',
  async (t) => {
    const local = createLocalMailbox()
    let silent = false
    const mailbox: Mailbox = {
      open: local.open,
      send: async (address, message) => {
        if (!silent) await local.send(address, message)
      },
    }
    const { servers, upstream, one, other, token } = await twoReplicas(t, mailbox)
    for (const leave of [(leaving: AbortController) => leaving.abort(), () => (silent = true)]) {
      const first = await send(one, calling(token, { arguments: { again: 1, wait: true } }))
      const leaving = new AbortController()
      const back = { ...backTo(first), arguments: { again: 1, wait: true } }
      const retry = send(other, calling(token, back, leaving.signal)).catch(() => null)
      await until(() => servers.waiting() === 1)
      leave(leaving)
      await until(() => servers.waiting() === 0)
      await retry
    }
    t.equal(upstream.count('notifications/cancelled'), 2)
    t.equal(servers.runs('ask'), 2)
  },
)
