// Owns the proof of what a modern client learns when a legacy upstream misbehaves: an error in words, and never a second run.

import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import t, { type Test } from 'tap'
import { serveLocally } from '../../support/local-server.ts'
import { errorOf, send, until } from '../stage.ts'
import { askingServers } from './asking-server.ts'
import { serveLegacy } from './legacy-upstream.ts'
import { asking, setBridge } from './modern-stage.ts'

interface Posted {
  readonly id?: number
  readonly method?: string
  readonly params?: { readonly name?: string; readonly uri?: string }
}

/** An upstream that shakes hands properly, and answers everything else as it likes. */
async function crooked(
  t: Test,
  answer: (res: ServerResponse, posted: Posted, req: IncomingMessage) => void,
): Promise<string> {
  const server = createServer((req, res) => {
    let text = ''
    req.on('data', (chunk) => {
      text += String(chunk)
    })
    req.on('end', () => {
      const posted: Posted = text === '' ? {} : JSON.parse(text)
      const serverInfo = { name: 'crooked', version: '1' }
      const result = { protocolVersion: '2025-06-18', capabilities: { tools: {} }, serverInfo }
      if (posted.method === 'initialize') json(res, { jsonrpc: '2.0', id: posted.id, result })
      else if (posted.method?.startsWith('notifications/')) res.writeHead(202).end()
      else answer(res, posted, req)
    })
  })
  return `${await serveLocally(t, server)}/mcp`
}

function json(res: ServerResponse, body: object, status = 200): void {
  res.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
}

function events(res: ServerResponse, text: string): ServerResponse {
  if (!res.headersSent) res.writeHead(200, { 'content-type': 'text/event-stream' })
  res.write(text)
  return res
}

const ok = ({ id }: Posted) => ({ jsonrpc: '2.0', id, result: { content: [{ type: 'text', text: 'fine' }] } })

const CROOKED: Readonly<
  Record<string, readonly [status: number, answer: (res: ServerResponse, posted: Posted) => void]>
> = {
  well: [200, (res, posted) => json(res, ok(posted))],
  well_as_events: [200, (res, posted) => void events(res, `data: ${JSON.stringify(ok(posted))}\n\n`).end()],
  garbage: [502, (res) => void res.writeHead(200, { 'content-type': 'application/json' }).end('{"half":')],
  garbage_events: [502, (res) => void events(res, 'data: {"half":\n\n').end()],
  nothing: [502, (res) => void events(res, ': nothing\n\n').end()],
  another_id: [502, (res) => json(res, ok({ id: 999 }))],
  no_result: [502, (res, { id }) => json(res, { jsonrpc: '2.0', id })],
  web_page: [502, (res) => void res.writeHead(200, { 'content-type': 'text/html' }).end('<h1>hello</h1>')],
  redirect: [502, (res) => void res.writeHead(307, { location: 'http://127.0.0.1:1/' }).end()],
  accepted: [502, (res) => void res.writeHead(202).end()],
  limited: [429, (res) => void res.writeHead(429).end()],
  limited_for_a_while: [429, (res) => void res.writeHead(429, { 'retry-after': '17' }).end()],
  away_for_a_while: [502, (res) => void res.writeHead(503, { 'retry-after': '17' }).end()],
  broken: [502, (res) => void res.destroy()],
  enormous: [502, (res) => void events(res, `data: ${'x'.repeat(17 * 1024 * 1024)}`)],
}

t.test(
  'each way to answer badly has its status, and the tool that answers well works beside it',
  async (t) => {
    const runs: string[] = []
    const url = await crooked(t, (res, posted) => {
      const name = posted.params?.name ?? ''
      runs.push(name)
      CROOKED[name]?.[1](res, posted)
    })
    const stage = await setBridge(t, url)
    const token = await stage.token()
    for (const [name, [status]] of Object.entries(CROOKED)) {
      const answer = await send(stage, asking('tools/call', { name }, { token }))
      t.equal(answer.status, status, name)
      if (status !== 200) t.type(errorOf(answer).message, 'string', name)
      const again = name === 'limited' ? '5' : name.endsWith('_for_a_while') ? '17' : undefined
      t.equal(answer.headers['retry-after'], again, name)
    }
    t.same(runs, Object.keys(CROOKED))
    t.same(stage.errors, [])
  },
)

t.test('codes that only older revisions know are translated', async (t) => {
  const url = await crooked(t, (res, { id, params }) => {
    const code = params?.uri === 'file:///none' ? -32002 : -32099
    const error = { code, message: 'As it is', data: { uri: params?.uri } }
    json(res, { jsonrpc: '2.0', id, error })
  })
  const stage = await setBridge(t, url)
  const token = await stage.token()
  const read = (uri: string) => send(stage, asking('resources/read', { uri }, { token }))
  t.match(errorOf(await read('file:///none')), {
    code: -32602,
    message: 'As it is',
    data: { uri: 'file:///none' },
  })
  t.match(errorOf(await read('file:///other')), { code: -32603, message: 'As it is' })
})

t.test('a stream that breaks off is resumed where the upstream numbers its events', async (t) => {
  const resumed: unknown[] = []
  let waiting: Posted = {}
  const url = await crooked(t, (res, posted, req) => {
    if (req.method === 'GET') {
      resumed.push(req.headers['last-event-id'])
      events(res, `id: 2\ndata: ${JSON.stringify(ok(waiting))}\n\n`).end()
    } else {
      waiting = posted
      events(res, 'retry: 10\nid: 1\ndata: \n\n')
      setTimeout(() => res.destroy(), 20)
    }
  })
  const stage = await setBridge(t, url)
  const answer = await send(stage, asking('tools/call', { name: 'any' }, { token: await stage.token() }))
  t.match(answer.json.result, { content: [{ text: 'fine' }] })
  t.same(resumed, ['1'])
})

t.test('a stream that cannot be resumed any more ends its call, after a few attempts', async (t) => {
  let attempts = 0
  const url = await crooked(t, (res, _posted, req) => {
    if (req.method === 'GET') {
      attempts++
      res.destroy()
    } else events(res, 'retry: 5\nid: 1\ndata: \n\n').end()
  })
  const stage = await setBridge(t, url)
  const answer = await send(stage, asking('tools/call', { name: 'any' }, { token: await stage.token() }))
  t.equal(answer.status, 502)
  t.equal(attempts, 5)
})

t.test(
  'an answer that the upstream gives while its question is open is there for who comes back',
  async (t) => {
    const servers = askingServers()
    const upstream = await serveLegacy(t, servers.build)
    const stage = await setBridge(t, upstream.url)
    const token = await stage.token()
    const options = { token, capabilities: { elicitation: {} } }
    const first = await send(stage, asking('tools/call', { name: 'ask_impatiently' }, options))
    const { result } = first.json
    if (typeof result !== 'object' || result === null || !('requestState' in result))
      return t.fail('nothing is asked')
    await until(() => servers.runs('gave_up') === 1)
    const { requestState } = result
    const late = asking('tools/call', { name: 'ask_impatiently', requestState, inputResponses: {} }, options)
    const answer = await send(stage, late)
    t.match(answer.json.result, { resultType: 'complete', content: [{ text: 'gave up' }] })
    t.equal(servers.runs('ask_impatiently'), 1)
  },
)

t.test('a long wait is a stream that is kept alive, and ends with the answer', async (t) => {
  const url = await crooked(t, (res, posted) => void setTimeout(() => json(res, ok(posted)), 2500))
  const needs = { limits: { keepAliveMs: 50, pulseMs: 20 } }
  const stage = await setBridge(t, url, { needs })
  const answer = await send(stage, asking('tools/call', { name: 'any' }, { token: await stage.token() }))
  t.equal(answer.headers['content-type'], 'text/event-stream')
  t.match(answer.text, /: keep-alive/)
  t.match(answer.text, /"text":"fine"/)
})

t.test('an upstream whose own stream is silent from the start is waited for once', async (t) => {
  const url = await crooked(t, (res, posted, req) => {
    if (req.method !== 'GET') json(res, ok(posted))
  })
  const stage = await setBridge(t, url)
  const token = await stage.token()
  const call = async () => {
    const began = performance.now()
    const sent = asking('tools/call', { name: 'any' }, { token, capabilities: { elicitation: {} } })
    t.equal((await send(stage, sent)).status, 200)
    return performance.now() - began
  }
  await call()
  // One of them may wait for this machine; none for the two seconds of the first.
  t.ok(Math.min(await call(), await call(), await call()) < 1000)
})
