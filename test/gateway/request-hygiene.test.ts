// Owns the proof that an upstream sees the protocol's headers, its own credential and the body, and nothing else.

import t from 'tap'
import { startHostileUpstream } from '../support/hostile-upstream.ts'
import { call, MODERN, modern, send, sendRaw, setStage } from './stage.ts'

const CANARY = 'canary-8d1f'

t.test('what a client knows about itself and about others stays here', async (t) => {
  const upstream = await startHostileUpstream(t)
  const stage = await setStage(t, [{ url: upstream.url, headers: { 'X-Api-Key': 'the-upstreams-own' } }])
  const token = await stage.token()
  const secret = [
    'cookie',
    'proxy-authorization',
    'dpop',
    'x-api-key',
    'forwarded',
    'x-forwarded-for',
    'x-forwarded-host',
    'x-forwarded-proto',
    'x-forwarded-prefix',
    'x-forwarded-user',
    'x-remote-user',
    'x-gw-user',
    'x-real-ip',
    'true-client-ip',
    'cf-connecting-ip',
    'via',
    'referer',
    'user-agent',
    'x-original-url',
    'accept-language',
    'if-none-match',
    'range',
    'te',
    'upgrade-insecure-requests',
    'x-http-method-override',
  ]
  const headers = Object.fromEntries(secret.map((name) => [name, `${CANARY}-${name}`]))
  const answer = await send(stage, { token, headers: { ...headers, origin: 'https://gate.example' } })
  t.equal(answer.status, 200)
  const raw = upstream.raw()
  t.notMatch(raw, CANARY)
  t.notMatch(raw, token)
  t.notMatch(raw, token.split('.')[2] ?? '')
  t.notMatch(raw, 'gate.example')
  t.same(Object.keys(upstream.arrivals[0]?.headers ?? {}).sort(), [
    'accept',
    'accept-encoding',
    'connection',
    'content-length',
    'content-type',
    'host',
    'user-agent',
    'x-api-key',
  ])
  t.same(upstream.arrivals[0]?.headers['x-api-key'], ['the-upstreams-own'])
})

t.test('the headers of the protocol pass as they are', async (t) => {
  const upstream = await startHostileUpstream(t)
  const stage = await setStage(t, [{ url: upstream.url }])
  const { body, headers } = modern('tools/call', { name: 'query', arguments: { region: 'eu' } })
  const passed = {
    ...headers,
    accept: 'application/json, text/event-stream',
    'mcp-param-region': 'eu',
    'mcp-param-unheard-of': '=?base64?w6Q=?=',
    traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
    tracestate: 'vendor=1',
    baggage: 'key=value',
  }
  await send(stage, { token: await stage.token(), body, headers: passed })
  const [arrival] = upstream.arrivals
  for (const [name, value] of Object.entries(passed)) t.same(arrival?.headers[name], [value], name)
  t.equal(arrival?.body, JSON.stringify(body), 'the body byte for byte')
  t.same(arrival?.headers['content-length'], [String(JSON.stringify(body).length)])
})

t.test('Last-Event-ID passes in the legacy era', async (t) => {
  const upstream = await startHostileUpstream(t)
  const stage = await setStage(t, [{ url: upstream.url }])
  upstream.answer((_, res) =>
    res.writeHead(200, { 'content-type': 'text/event-stream' }).end(': resumed\n\n'),
  )
  const answer = await send(stage, {
    token: await stage.token(),
    method: 'GET',
    headers: { 'last-event-id': 'stream-1_7', 'mcp-protocol-version': '2025-11-25' },
  })
  t.equal(answer.status, 200)
  t.same(upstream.arrivals[0]?.headers['last-event-id'], ['stream-1_7'])
  t.same(upstream.arrivals[0]?.headers['mcp-protocol-version'], ['2025-11-25'])
})

t.test('the type of the body is ours, whatever parameters the client gave', async (t) => {
  const upstream = await startHostileUpstream(t)
  const stage = await setStage(t, [{ url: upstream.url }])
  const token = await stage.token()
  const status = async (type: string | null) =>
    (await send(stage, { token, headers: { 'content-type': type } })).status
  const readable = [
    'application/json',
    'application/json ; charset=utf-8',
    'Application/JSON',
    'application/json\t;',
  ]
  for (const type of readable) {
    t.equal(await status(type), 200, type)
    t.same(upstream.arrivals.at(-1)?.headers['content-type'], ['application/json'])
  }
  const seen = upstream.arrivals.length
  const others = [
    'text/plain',
    'application/json, text/plain',
    'application/jsonp',
    'multipart/form-data',
    'json',
    null,
  ]
  for (const type of others) t.equal(await status(type), 415, String(type))
  t.equal(upstream.arrivals.length, seen)
})

t.test('a compressed body is refused', async (t) => {
  const upstream = await startHostileUpstream(t)
  const stage = await setStage(t, [{ url: upstream.url }])
  const token = await stage.token()
  for (const encoding of ['gzip', 'br', 'gzip, gzip', 'deflate', 'x-unheard-of']) {
    t.equal((await send(stage, { token, headers: { 'content-encoding': encoding } })).status, 415, encoding)
  }
  t.equal(upstream.arrivals.length, 0)
  t.equal((await send(stage, { token, headers: { 'content-encoding': 'identity' } })).status, 200)
})

t.test('the credential of a caller wins over a static header of the same name', async (t) => {
  const upstream = await startHostileUpstream(t)
  const stage = await setStage(
    t,
    [{ url: upstream.url, headers: { Authorization: 'Basic static', 'x-team': '7' } }],
    {
      credentialFor: async ({ subject }) =>
        subject === 'usr_alice'
          ? { kind: 'header', name: 'authorization', value: 'Bearer hers' }
          : { kind: 'none' },
    },
  )
  await send(stage, { token: await stage.token() })
  await send(stage, { token: await stage.token({ sub: 'usr_bob' }) })
  t.same(upstream.arrivals[0]?.headers.authorization, ['Bearer hers'])
  t.same(upstream.arrivals[0]?.headers['x-team'], ['7'])
  t.same(upstream.arrivals[1]?.headers.authorization, ['Basic static'])
})

t.test('a configured header replaces ours, and never doubles one that belongs to the message', async (t) => {
  const upstream = await startHostileUpstream(t)
  const headers = {
    'User-Agent': 'mine/1',
    Accept: 'text/html',
    'Accept-Encoding': 'gzip',
    'Content-Type': 'text/plain',
  }
  const stage = await setStage(t, [{ url: upstream.url, headers }])
  t.equal((await send(stage, { token: await stage.token() })).status, 200)
  const [arrival] = upstream.arrivals
  t.same(arrival?.headers['user-agent'], ['mine/1'])
  t.same(arrival?.headers.accept, ['application/json, text/event-stream'])
  t.same(arrival?.headers['accept-encoding'], ['identity'])
  t.same(arrival?.headers['content-type'], ['application/json'])
})

t.test('headers that are sent twice are refused where it matters which one is meant', async (t) => {
  const upstream = await startHostileUpstream(t)
  const stage = await setStage(t, [{ url: upstream.url }])
  const token = await stage.token()
  const body = JSON.stringify(call('tools/list'))
  const request = (lines: string) =>
    `POST /mcp/notes HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer ${token}\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n${lines}\r\n${body}`
  const repeated = [
    'Host: b\r\n',
    'host: a\r\n',
    'Content-Type: text/plain\r\n',
    'Origin: https://gate.example\r\nOrigin: https://evil.example\r\n',
    'Content-Encoding: identity\r\nContent-Encoding: gzip\r\n',
    'Last-Event-ID: 1\r\nLast-Event-ID: 2\r\n',
  ]
  for (const lines of repeated) t.match(await sendRaw(stage, request(lines)), /^HTTP\/1\.1 400 /, lines)
  t.equal(upstream.arrivals.length, 0)
  t.match(await sendRaw(stage, request('X-Whatever: 1\r\nX-Whatever: 2\r\n')), /^HTTP\/1\.1 200 /)
})

t.test('requests that could be two are none', async (t) => {
  const upstream = await startHostileUpstream(t)
  const stage = await setStage(t, [{ url: upstream.url }])
  const head = `POST /mcp/notes HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer ${await stage.token()}\r\nContent-Type: application/json\r\n`
  const smuggled = 'GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n'
  const framings = [
    `Content-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${smuggled}`,
    `Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n${smuggled}`,
    `Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n${smuggled}`,
    `Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n${smuggled}`,
    `Content-Length: 6\r\nContent-Length: 5\r\n\r\n{}    ${smuggled}`,
    `Content-Length: +2\r\n\r\n{}${smuggled}`,
    `Content-Length: 0x2\r\n\r\n{}${smuggled}`,
    `Content-Length: -1\r\n\r\n{}${smuggled}`,
  ]
  for (const framing of framings) t.match(await sendRaw(stage, head + framing), /^HTTP\/1\.1 400 /, framing)
  t.notMatch(upstream.raw(), 'smuggled')
  t.equal(upstream.arrivals.length, 0)
})

t.test('no header line can be smuggled into the request to the upstream', async (t) => {
  const upstream = await startHostileUpstream(t)
  const stage = await setStage(t, [{ url: upstream.url }])
  const name = 'tool\r\nX-Injected: yes'
  const { body, headers } = modern('tools/call', { name, arguments: {} })
  const encoded = `=?base64?${Buffer.from(name).toString('base64')}?=`
  const answer = await send(stage, {
    token: await stage.token(),
    body,
    headers: { ...headers, 'mcp-name': encoded },
  })
  t.equal(answer.status, 200, 'the name is strange, not forbidden')
  t.same(upstream.arrivals[0]?.headers['mcp-name'], [encoded])
  t.equal(upstream.arrivals[0]?.headers['x-injected'], undefined)
})

t.test('Connection cannot name headers away, and no upgrade happens', async (t) => {
  const upstream = await startHostileUpstream(t)
  const stage = await setStage(t, [{ url: upstream.url, headers: { 'x-api-key': 'k' } }])
  const answer = await send(stage, {
    token: await stage.token(),
    headers: { connection: 'close, x-api-key, mcp-protocol-version', 'mcp-protocol-version': '2025-06-18' },
  })
  t.equal(answer.status, 200)
  t.same(upstream.arrivals[0]?.headers['x-api-key'], ['k'])
  t.same(upstream.arrivals[0]?.headers['mcp-protocol-version'], ['2025-06-18'])
  const token = await stage.token()
  const upgrade = `GET /mcp/notes HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer ${token}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n`
  t.notMatch(await sendRaw(stage, upgrade), /^HTTP\/1\.1 101/)
  t.notMatch(upstream.raw(), /upgrade: websocket/i)
})

t.test('what follows a body in pieces is not passed on', async (t) => {
  const upstream = await startHostileUpstream(t)
  const stage = await setStage(t, [{ url: upstream.url }])
  const body = JSON.stringify(call('tools/list'))
  const head = `POST /mcp/notes HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer ${await stage.token()}\r\nContent-Type: application/json\r\n`
  const trailers = 'Authorization: Bearer canary\r\nX-Gw-User: canary\r\n'
  const pieces = `${body.length.toString(16)};canary=1\r\n${body}\r\n0\r\n${trailers}\r\n`
  const request = `${head}Trailer: Authorization\r\nTE: trailers\r\nTransfer-Encoding: chunked\r\n\r\n${pieces}`
  t.match(await sendRaw(stage, request), /^HTTP\/1\.1 200 /)
  t.equal(upstream.arrivals[0]?.body, body)
  t.same(
    upstream.arrivals[0]?.headers['content-length'],
    [String(body.length)],
    'one length, that of the body',
  )
  t.notMatch(upstream.raw(), /canary|trailer|chunked/i)
})

t.test('bodies of GET and DELETE are not passed on', async (t) => {
  const upstream = await startHostileUpstream(t)
  const stage = await setStage(t, [{ url: upstream.url }])
  const request = `DELETE /mcp/notes HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer ${await stage.token()}\r\nMCP-Protocol-Version: 2025-11-25\r\nContent-Length: 6\r\n\r\nsecret`
  t.match(await sendRaw(stage, request), /^HTTP\/1\.1 202 /)
  t.equal(upstream.arrivals[0]?.method, 'DELETE')
  t.notMatch(upstream.raw(), 'secret')
})

t.test('hostile header names do no harm', async (t) => {
  const upstream = await startHostileUpstream(t)
  const stage = await setStage(t, [{ url: upstream.url }])
  const token = await stage.token()
  const headers = { __proto__x: '1', constructor: '1', toString: '1', 'mcp-param-__proto__': '1' }
  const body = JSON.stringify(call('tools/list'))
  const lines = `__proto__: x\r\nMCP-Protocol-Version: ${MODERN}\r\n`
  t.equal((await send(stage, { token, headers })).status, 200)
  const raw = `POST /mcp/notes HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer ${token}\r\nContent-Type: application/json\r\n${lines}Content-Length: ${body.length}\r\n\r\n${body}`
  t.match(await sendRaw(stage, raw), /^HTTP\/1\.1 200 /)
})
