// Owns the proof of the modern peer: what it says to an upstream of 2026-07-28, and what becomes of all that one may answer.

import { once } from 'node:events'
import t, { type Test } from 'tap'
import { createConnections } from '../../src/http/connections.ts'
import type { Peer } from '../../src/mcp/peer.ts'
import type { Members } from '../../src/mcp/rpc.ts'
import type { CredentialFor } from '../../src/upstreams/credentials.ts'
import { EraMismatch } from '../../src/upstreams/era-mismatch.ts'
import { createModernPeer } from '../../src/upstreams/modern/peer.ts'
import { startEverythingServer } from '../support/everything-server.ts'
import { until } from '../support/until.ts'
import {
  asking,
  listening,
  type Received,
  sendError,
  sendJson,
  sendResult,
  servePlainly,
  upstreamAt,
  visitorOf,
} from './peers.ts'

const NO_CREDENTIAL: CredentialFor = () => ({ kind: 'none' })

function peerAt(t: Test, url: string, credentialFor = NO_CREDENTIAL, headers = {}): Peer {
  const connections = createConnections()
  t.teardown(() => connections.close())
  return createModernPeer({ upstream: upstreamAt(url, headers), connections, credentialFor })
}

async function everything(t: Test): Promise<Peer> {
  const server = await startEverythingServer({ eras: new Set(['modern']) })
  t.teardown(() => server.close())
  return peerAt(t, server.url)
}

t.test('what a real server says: discovery, results, errors', async (t) => {
  const peer = await everything(t)
  const { signal } = new AbortController()
  t.match(await peer.discover(visitorOf(), signal), {
    capabilities: { tools: {}, resources: {} },
    serverInfo: { name: 'everything' },
    instructions: null,
  })
  const called = await peer.request(
    visitorOf(),
    asking('tools/call', { name: 'test_simple_text' }),
    listening(),
  )
  t.match(called, { kind: 'result', result: { resultType: 'complete', content: [{ type: 'text' }] } })
  const unknown = await peer.request(visitorOf(), asking('nobody/knows'), listening())
  t.match(unknown, { kind: 'error', error: { code: -32601 } })
  const unsayable = await peer.request(visitorOf(), asking('nobody knows\n'), listening())
  t.match(unsayable, { kind: 'error', error: { code: -32601 } })
})

t.test(
  'progress and the log come in order and before the answer, the log only when it is wanted',
  async (t) => {
    const peer = await everything(t)
    const progress = listening()
    const params = { name: 'test_tool_with_progress', _meta: { progressToken: 'p' } }
    await peer.request(visitorOf(), asking('tools/call', params), progress)
    t.same(
      progress.heard.map(({ params }) => params.progress),
      [0, 50, 100],
    )
    const quiet = listening()
    await peer.request(visitorOf(), asking('tools/call', { name: 'test_tool_with_logging' }), quiet)
    t.same(quiet.heard, [])
    const loud = listening()
    await peer.request(
      visitorOf({ logLevel: 'info' }),
      asking('tools/call', { name: 'test_tool_with_logging' }),
      loud,
    )
    t.equal(loud.heard.length, 3)
  },
)

t.test('what an upstream asks for comes back as its result, and the retry has the answers', async (t) => {
  const peer = await everything(t)
  const visitor = visitorOf({ capabilities: { elicitation: { form: {} } } })
  const call = { name: 'test_elicitation', arguments: { message: 'Who?' } }
  const asked = await peer.request(visitor, asking('tools/call', call), listening())
  t.match(asked, {
    result: { resultType: 'input_required', inputRequests: { answer: { method: 'elicitation/create' } } },
  })
  const inputResponses = { answer: { action: 'accept', content: { username: 'a', email: 'a@b.example' } } }
  const done = await peer.request(visitor, asking('tools/call', call, { inputResponses }), listening())
  t.match(done, { result: { resultType: 'complete', content: [{ text: /action=accept/ }] } })
})

t.test('a parameter that belongs into a header is there, also when its tool was never listed', async (t) => {
  const peer = await everything(t)
  const call = { name: 'test_x_mcp_header', arguments: { region: 'Zürich', level: 3 } }
  const answer = await peer.request(visitorOf(), asking('tools/call', call), listening())
  t.match(answer, { result: { content: [{ text: 'region=Zürich' }] } })
})

t.test('a subscription is acknowledged first, carries no tag, and ends when its client leaves', async (t) => {
  const peer = await everything(t)
  const hooks = listening()
  const ended = peer.listen(visitorOf(), { toolsListChanged: true }, hooks)
  await until('the first notification', () => hooks.heard.length === 1)
  t.same(hooks.heard[0], {
    method: 'notifications/subscriptions/acknowledged',
    params: { notifications: { toolsListChanged: true } },
  })
  await peer.request(visitorOf(), asking('tools/call', { name: 'test_trigger_tool_change' }), listening())
  await until('the second one', () => hooks.heard.length === 2)
  t.match(hooks.heard[1], { method: 'notifications/tools/list_changed' })
  t.notMatch(JSON.stringify(hooks.heard), /subscriptionId/)
  hooks.leave()
  await t.rejects(ended, { name: 'AbortError' })
})

t.test(
  'says who asks and nothing else of the client, and presents what is right for the caller',
  async (t) => {
    const plain = await servePlainly(t, (received) => sendResult(received, { tools: [] }))
    const credentialFor: CredentialFor = ({ subject }) => ({
      kind: 'header',
      name: 'Authorization',
      value: `Bearer of-${subject}`,
    })
    const configured = { 'X-Tenant': 'a', authorization: 'Bearer static', 'Mcp-Method': 'forged' }
    const peer = peerAt(t, plain.url, credentialFor, configured)
    const trace = { traceparent: '00-0af7651916cd43dd8448eb211c80319c-00f067aa0ba902b7-01' }
    const params = {
      cursor: 'x',
      _meta: { 'com.example/mine': 1, 'io.modelcontextprotocol/protocolVersion': 'old' },
    }
    const requestState = 'exactly\tthis'
    await peer.request(
      visitorOf({ trace, capabilities: { sampling: {} }, logLevel: 'error' }),
      asking('tools/list', params, { requestState }),
      listening(),
    )
    const [first] = plain.received
    t.equal(first?.req.method, 'POST')
    t.match(first?.req.headers, {
      accept: 'application/json, text/event-stream',
      'content-type': 'application/json',
      'mcp-protocol-version': '2026-07-28',
      'mcp-method': 'tools/list',
      'x-tenant': 'a',
      authorization: 'Bearer of-usr_alice',
      ...trace,
    })
    t.notOk(first?.req.headers['mcp-session-id'])
    t.match(first?.body, {
      jsonrpc: '2.0',
      method: 'tools/list',
      params: {
        cursor: 'x',
        requestState,
        _meta: {
          'com.example/mine': 1,
          'io.modelcontextprotocol/protocolVersion': '2026-07-28',
          'io.modelcontextprotocol/clientInfo': { name: 'test' },
          'io.modelcontextprotocol/clientCapabilities': { sampling: {} },
          'io.modelcontextprotocol/logLevel': 'error',
        },
      },
    })
    await peer.request(visitorOf(), asking('resources/read', { uri: 'file:///ä' }), listening())
    t.equal(plain.received[1]?.req.headers['mcp-name'], '=?base64?ZmlsZTovLy/DpA==?=')
    t.not(plain.received[1]?.body.id, first?.body.id)
  },
)

t.test(
  'a header that is missing is learned once, and a definition that is invalid is not offered',
  async (t) => {
    let header = 'Region'
    const tool = (name: string): Members => ({
      name: 'query',
      inputSchema: { type: 'object', properties: { region: { type: 'string', 'x-mcp-header': name } } },
    })
    const plain = await servePlainly(t, (received) => {
      const { body, req } = received
      if (body.method === 'tools/list')
        sendResult(received, { tools: [tool(header), { ...tool('no token'), name: 'bad' }] })
      else if (req.headers[`mcp-param-${header.toLowerCase()}`] === 'eu')
        sendResult(received, { content: [] })
      else sendError(received, 400, -32020)
    })
    const peer = peerAt(t, plain.url)
    const call = asking('tools/call', { name: 'query', arguments: { region: 'eu' } })
    t.match(await peer.request(visitorOf(), call, listening()), { kind: 'result' })
    header = 'Place'
    t.match(await peer.request(visitorOf(), call, listening()), { kind: 'result' })
    t.same(
      plain.received.map(({ body }) => body.method),
      ['tools/list', 'tools/call', 'tools/call', 'tools/list', 'tools/call'],
    )
    const stubborn = asking('tools/call', { name: 'query', arguments: { region: 'us' } })
    t.match(await peer.request(visitorOf(), stubborn, listening()), { error: { code: -32020 } })
    const listed = await peer.request(visitorOf(), asking('tools/list'), listening())
    t.match(listed, { result: { tools: [{ name: 'query' }] } })
    t.equal(listed.kind === 'result' && Array.isArray(listed.result.tools) && listed.result.tools.length, 1)
  },
)

const answers: readonly (readonly [string, (received: Received) => void, object])[] = [
  ['401', (received) => sendError(received, 401, -32001), { reason: 'credentials' }],
  ['403', ({ res }) => void res.writeHead(403).end('no'), { reason: 'credentials' }],
  [
    'a page',
    ({ res }) => void res.writeHead(200, { 'content-type': 'text/html' }).end('<p>'),
    { reason: 'answer' },
  ],
  ['a redirect', ({ res }) => void res.writeHead(302, { location: '/other' }).end(), { reason: 'answer' }],
  [
    'no JSON',
    ({ res }) => void res.writeHead(200, { 'content-type': 'application/json' }).end('{'),
    { reason: 'answer' },
  ],
  [
    'the answer to something else',
    (received) => sendJson(received, 200, { jsonrpc: '2.0', id: 'x', result: {} }),
    { reason: 'answer' },
  ],
  ['429', ({ res }) => void res.writeHead(429).end(), { reason: 'limited', retryAfterSeconds: null }],
  [
    '429 for a while',
    ({ res }) => void res.writeHead(429, { 'retry-after': '17' }).end(),
    { reason: 'limited', retryAfterSeconds: 17 },
  ],
  [
    '503 for a while',
    ({ res }) => void res.writeHead(503, { 'retry-after': '999999' }).end(),
    { reason: 'unreachable', retryAfterSeconds: 3600 },
  ],
  ['503', ({ res }) => void res.writeHead(503).end(), { reason: 'unreachable' }],
  [
    'a stream without an answer',
    ({ res }) => void res.writeHead(200, { 'content-type': 'text/event-stream' }).end(': \n\n'),
    { reason: 'unreachable' },
  ],
  ['a broken connection', ({ res }) => void res.destroy(), { reason: 'unreachable' }],
  [
    'something packed',
    (received) => {
      received.res.setHeader('content-encoding', 'gzip')
      sendResult(received, {})
    },
    { reason: 'answer' },
  ],
]

t.test('what is no answer fails for its reason', async (t) => {
  for (const [name, answer, { ...expected }] of answers) {
    const { url } = await servePlainly(t, answer)
    const asked = peerAt(t, url).request(visitorOf(), asking('prompts/list'), listening())
    await t.rejects(asked, { name: 'PeerFailure', ...expected }, name)
  }
  const { url } = await servePlainly(t, (received) => sendResult(received, {}))
  t.match(await peerAt(t, url).request(visitorOf(), asking('prompts/list'), listening()), {
    result: { resultType: 'complete' },
  })
})

t.test('what sounds like the other era is told from an error of this one', async (t) => {
  const legacy: readonly ((received: Received) => void)[] = [
    (received) => sendError(received, 400, -32000),
    (received) => sendError(received, 400, -32022, { supported: ['2025-11-25'] }),
    ({ res }) => void res.writeHead(404).end(),
  ]
  for (const answer of legacy) {
    const { url } = await servePlainly(t, answer)
    await t.rejects(peerAt(t, url).request(visitorOf(), asking('prompts/list'), listening()), EraMismatch)
  }
  for (const [status, code] of [
    [400, -32602],
    [404, -32601],
    [400, -32021],
    [200, -32000],
    [500, -32603],
  ] as const) {
    const { url } = await servePlainly(t, (received) => sendError(received, status, code))
    t.match(await peerAt(t, url).request(visitorOf(), asking('prompts/list'), listening()), {
      error: { code },
    })
  }
})

t.test('a client that leaves takes its request with it, and nothing is heard after that', async (t) => {
  const closed: Promise<unknown>[] = []
  const { url } = await servePlainly(t, ({ res }) => {
    closed.push(once(res, 'close'))
    res.writeHead(200, { 'content-type': 'text/event-stream' })
    const data = JSON.stringify({
      jsonrpc: '2.0',
      method: 'notifications/message',
      params: { level: 'info', data: 1 },
    })
    res.write(`event: message\ndata: ${data}\n\nevent: other\ndata: ?\n\n`)
  })
  const hooks = listening()
  const asked = peerAt(t, url).request(visitorOf(), asking('prompts/list'), hooks)
  await until('the first notification', () => hooks.heard.length === 1)
  hooks.leave()
  await t.rejects(asked, { name: 'AbortError' })
  await closed[0]
})

t.test('a subscription that is not acknowledged first is refused', async (t) => {
  const { url } = await servePlainly(t, ({ res }) => {
    res.writeHead(200, { 'content-type': 'text/event-stream' })
    const data = JSON.stringify({ jsonrpc: '2.0', method: 'notifications/tools/list_changed', params: {} })
    res.write(`data: ${data}\n\n`)
  })
  const hooks = listening()
  const listen = peerAt(t, url).listen(visitorOf(), { toolsListChanged: true }, hooks)
  await t.rejects(listen, { reason: 'answer', name: 'PeerFailure' })
  t.same(hooks.heard, [])
})
