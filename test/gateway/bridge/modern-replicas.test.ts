// Owns the proof that a client may come back to another replica than the one that holds its call.

import { createServer } from 'node:http'
import t, { type Test } from 'tap'
import { createLocalMailbox, type Mailbox } from '../../../src/mcp/mailbox.ts'
import { serveLocally } from '../../support/local-server.ts'
import { type Answer, errorOf, type Sent, send, until } from '../stage.ts'
import { askingServers } from './asking-server.ts'
import { serveLegacy } from './legacy-upstream.ts'
import { asking, connectModern, newSecret, setBridge } from './modern-stage.ts'

const CAPABILITIES = { elicitation: { form: {} } }

async function twoReplicas(t: Test, mailbox: Mailbox = createLocalMailbox()) {
  const servers = askingServers()
  const upstream = await serveLegacy(t, servers.build)
  const secret = newSecret()
  const limits = { takenMs: 1500, beatMs: 50 }
  const one = await setBridge(t, upstream.url, { mailbox, secret, limits })
  const other = await setBridge(t, upstream.url, { mailbox, secret, limits, sharing: one })
  return { servers, upstream, one, other, token: await one.token() }
}

function calling(token: string, more: object, signal?: AbortSignal): Sent {
  const options = { token, capabilities: CAPABILITIES, ...(signal && { signal }) }
  return asking('tools/call', { name: 'ask', arguments: { again: 1 }, ...more }, options)
}

/** The retry that answers what an answer asks for. */
function backTo({ json }: Answer): object {
  const { result } = json
  if (typeof result !== 'object' || result === null) throw new Error('there is no result')
  if (!('inputRequests' in result && 'requestState' in result)) throw new Error('nothing is asked')
  const keys = Object.keys(result.inputRequests ?? {})
  const response = { action: 'accept', content: { name: 'Ann' } }
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
