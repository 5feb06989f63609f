// Owns the proof that an upstream can answer in the protocol and do nothing else on this origin.

import { setTimeout as delay } from 'node:timers/promises'
import t from 'tap'
import { type HostileUpstream, json, type Script, startHostileUpstream } from '../support/hostile-upstream.ts'
import {
  type Answer,
  call,
  errorOf,
  modern,
  notification,
  type Sent,
  type Stage,
  send,
  setStage,
} from './stage.ts'

const RESULT = { jsonrpc: '2.0', id: 1, result: { ok: true } }

interface Scene {
  readonly upstream: HostileUpstream
  readonly stage: Stage
  /** What a client gets when the upstream answers like this. */
  get(script: Script, sent?: Sent): Promise<Answer>
}

async function scene(t: Parameters<typeof startHostileUpstream>[0], limits = {}): Promise<Scene> {
  const upstream = await startHostileUpstream(t)
  const stage = await setStage(t, [{ url: upstream.url }], { limits })
  const token = await stage.token()
  const get = (script: Script, sent: Sent = {}) => {
    upstream.answer(script)
    return send(stage, { token, ...sent })
  }
  return { upstream, stage, get }
}

/** An error of the gateway's own, for request 1. */
function isOwnError(answer: Answer, status: number): boolean {
  return (
    answer.status === status &&
    answer.headers['content-type'] === 'application/json' &&
    answer.json.id === 1 &&
    errorOf(answer).code === -32603
  )
}

t.test('an upstream sets no cookie, no challenge and no policy here', async (t) => {
  const { get } = await scene(t)
  const dangerous = {
    'set-cookie': '__Host-session=x; Path=/; Secure',
    'www-authenticate': 'Bearer realm="upstream"',
    'access-control-allow-origin': '*',
    'access-control-allow-credentials': 'true',
    'strict-transport-security': 'max-age=0',
    'clear-site-data': '"*"',
    'content-security-policy': 'default-src *',
    'service-worker-allowed': '/',
    location: 'https://evil.example/',
    refresh: '0; url=https://evil.example/',
    link: '<https://evil.example/>; rel=preload',
    'x-upstream-secret': 'canary',
    server: 'upstream/1.0',
    'x-content-type-options': 'none',
  }
  const kept = {
    'mcp-protocol-version': '2025-11-25',
    'retry-after': '7',
    'cache-control': 'no-cache, no-transform',
  }
  const {
    status,
    headers,
    json: body,
  } = await get((_, res) => json(res, 200, RESULT, { ...dangerous, ...kept }))
  t.equal(status, 200)
  t.same(body, RESULT)
  t.same(Object.keys(headers).sort(), [
    'cache-control',
    'connection',
    'content-type',
    'date',
    'mcp-protocol-version',
    'retry-after',
    'transfer-encoding',
    'x-content-type-options',
  ])
  for (const [name, value] of Object.entries(kept)) t.equal(headers[name], value, name)
  t.equal(headers['x-content-type-options'], 'nosniff')
})

t.test('answers are not stored where others would get them', async (t) => {
  const { get } = await scene(t)
  const given: Record<string, string> = {
    'no-store': 'no-store',
    'private, max-age=5': 'private, max-age=5',
    'public, max-age=3600': 'no-store',
    's-maxage=3600': 'no-store',
    'max-age=60, must-revalidate': 'no-store',
  }
  t.equal((await get((_, res) => json(res, 200, RESULT))).headers['cache-control'], 'no-store')
  for (const [from, to] of Object.entries(given)) {
    const { headers } = await get((_, res) => json(res, 200, RESULT, { 'cache-control': from }))
    t.equal(headers['cache-control'], to, from)
  }
})

t.test('redirects are neither followed nor passed on', async (t) => {
  const { upstream, get } = await scene(t)
  const target = await startHostileUpstream(t)
  for (const status of [301, 302, 303, 307, 308, 304]) {
    const answer = await get((_, res) => res.writeHead(status, { location: target.url }).end())
    t.ok(isOwnError(answer, 502), String(status))
    t.equal(answer.headers.location, undefined)
    t.notMatch(answer.text, target.url)
  }
  t.equal(target.arrivals.length, 0)
  t.equal(upstream.arrivals.length, 6)
})

t.test('only JSON and event streams pass', async (t) => {
  const { get } = await scene(t)
  const active = [
    'text/html',
    'image/svg+xml',
    'application/xhtml+xml',
    'text/plain',
    'multipart/x-mixed-replace',
  ]
  for (const type of active) {
    const answer = await get((_, res) =>
      res.writeHead(200, { 'content-type': type }).end('<script>alert(1)</script>'),
    )
    t.ok(isOwnError(answer, 502), type)
    t.notMatch(answer.text, 'script')
  }
  t.ok(isOwnError(await get((_, res) => res.writeHead(200).end('<html>')), 502), 'no type')
  t.ok(isOwnError(await get((_, res) => res.writeHead(200).end()), 502), 'nothing at all')
  t.ok(
    isOwnError(
      await get((_, res) =>
        res.writeHead(200, { 'content-type': 'application/json', 'content-length': '0' }).end(),
      ),
      502,
    ),
    'JSON of no length',
  )
  const two = ['content-type', 'application/json', 'content-type', 'text/html']
  t.ok(isOwnError(await get((_, res) => res.writeHead(200, two).end('{}')), 502), 'two types')
  const packed = { 'content-type': 'application/json', 'content-encoding': 'gzip' }
  t.ok(isOwnError(await get((_, res) => res.writeHead(200, packed).end('x')), 502), 'packed')
  t.equal((await get((_, res) => json(res, 200, RESULT))).status, 200)
  const odd = await get((_, res) =>
    res.writeHead(200, { 'content-type': 'Application/JSON; charset=utf-8' }).end('{}'),
  )
  t.equal(odd.headers['content-type'], 'application/json')
})

t.test('refused credentials of ours do not send the client to sign in', async (t) => {
  const { get } = await scene(t)
  const challenge = { 'www-authenticate': 'Bearer resource_metadata="https://evil.example/"' }
  for (const [status, headers] of [
    [401, challenge],
    [401, {}],
    [403, challenge],
    [407, {}],
  ] as const) {
    const answer = await get((_, res) => json(res, status, { error: 'invalid_token' }, headers))
    t.ok(isOwnError(answer, 502), String(status))
    t.equal(errorOf(answer).message, "The upstream server refused Gatehouse's credentials.")
    t.equal(answer.headers['www-authenticate'], undefined)
  }
  const forbidden = { jsonrpc: '2.0', id: 1, error: { code: 7, message: 'not for you' } }
  const answer = await get((_, res) => json(res, 403, forbidden))
  t.equal(answer.status, 403, 'a plain refusal in the protocol is the upstream’s to give')
  t.same(answer.json, forbidden)
})

t.test('errors in the protocol pass unchanged', async (t) => {
  const { get } = await scene(t)
  for (const [status, code] of [
    [400, -32602],
    [400, -32020],
    [400, -32022],
    [404, -32601],
    [404, -32001],
    [405, -32000],
    [429, -32000],
    [500, -32603],
    [503, -32603],
  ] as const) {
    const error = {
      jsonrpc: '2.0',
      id: 1,
      error: { code, message: 'theirs', data: { supported: ['2026-07-28'] } },
    }
    const answer = await get((_, res) => json(res, status, error, { 'retry-after': '3' }))
    t.equal(answer.status, status)
    t.same(answer.json, error)
    t.equal(answer.headers['retry-after'], '3')
  }
})

t.test('other errors keep what a client has to know of them, and no word of the upstream', async (t) => {
  const { get } = await scene(t)
  const page = (status: number, type: string) => (_: unknown, res: Parameters<Script>[1]) =>
    res
      .writeHead(status, { 'content-type': type, 'retry-after': '9', allow: 'POST' })
      .end('{"stack":"canary"}')
  const expected = [
    [400, 400],
    [404, 404],
    [405, 405],
    [429, 429],
    [500, 502],
    [502, 502],
    [503, 503],
    [504, 504],
    [599, 502],
  ] as const
  for (const [status, here] of expected) {
    for (const type of ['text/html', 'application/json']) {
      const answer = await get(page(status, type))
      t.ok(isOwnError(answer, here), `${status} ${type}`)
      t.notMatch(answer.text, 'canary')
      t.equal(answer.headers['retry-after'], '9')
      t.equal(answer.headers.allow, 'POST')
    }
  }
  const huge = await get((_, res) =>
    json(res, 400, { jsonrpc: '2.0', id: 1, error: { code: 1, message: 'x'.repeat(200_000) } }),
  )
  t.ok(isOwnError(huge, 400), 'an error of 200 KB')
})

t.test('a busy upstream does not make a probing client fall back an era', async (t) => {
  const { get } = await scene(t)
  const busy: Script = (_, res) =>
    res.writeHead(429, { 'content-type': 'text/html', 'retry-after': '3' }).end('busy')
  const { body, headers } = modern('server/discover')
  const answer = await get(busy, { body, headers })
  t.equal(answer.status, 503)
  t.equal(answer.headers['retry-after'], '3')
  t.equal(
    (await get((_, res) => res.writeHead(404).end('Not Found'), { body, headers })).status,
    404,
    'an old one does',
  )
})

t.test('messages that want no answer are answered by a status', async (t) => {
  const { get } = await scene(t)
  const sent = { body: notification('notifications/initialized') }
  for (const status of [200, 202, 204]) {
    const answer = await get((_, res) => res.writeHead(status, { 'content-type': 'text/plain' }).end(), sent)
    t.equal(answer.status, status)
    t.equal(answer.text, '')
  }
  const wordy = await get(
    (_, res) => res.writeHead(202, { 'content-type': 'text/html' }).end('<b>Accepted</b>'),
    sent,
  )
  t.equal(wordy.status, 202)
  t.equal(wordy.text, '')
  t.equal(wordy.headers['content-type'], undefined)
  const response = { body: { jsonrpc: '2.0', id: 9, result: {} } }
  t.equal((await get((_, res) => res.writeHead(202).end(), response)).status, 202, 'a posted response')
  const lying = 'HTTP/1.1 204 No Content\r\nContent-Type: application/json\r\nContent-Length: 36\r\n\r\n'
  const silent = await get((_, res) => void res.socket?.end(lying), sent)
  t.equal(silent.status, 204)
  t.equal(silent.headers['content-length'], '0', 'nobody waits for what cannot come')
  const refused = await get((_, res) => res.writeHead(405, { allow: 'POST' }).end('no'), { method: 'DELETE' })
  t.equal(refused.status, 405)
  t.equal(refused.headers.allow, 'POST')
  const endless = await get((_, res) => {
    res.writeHead(202, { 'content-type': 'text/plain' })
    res.write('x'.repeat(200_000))
  }, sent)
  t.equal(endless.status, 202, 'a status that never stops talking')
})

t.test('an upstream that is not there, breaks off or hangs is told from a good one', async (t) => {
  const { upstream, stage, get } = await scene(t, { firstByteTimeoutMs: 1500 })
  const token = await stage.token()
  t.ok(isOwnError(await get((_, res) => void res.socket?.destroy()), 502), 'before its head')
  const raw =
    (bytes: string): Script =>
    (_, res) =>
      void res.socket?.end(bytes)
  t.ok(isOwnError(await get(raw('SSH-2.0-OpenSSH_9.6\r\n')), 502), 'another protocol')
  t.ok(
    isOwnError(await get(raw(`HTTP/1.1 200 OK\r\nX: ${'x'.repeat(1024 * 1024)}\r\n\r\n`)), 502),
    'a head of 1 MB',
  )
  t.ok(
    isOwnError(await get(raw('HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}')), 502),
    'two lengths',
  )
  const announced = `Content-Type: application/json\r\nContent-Length: ${JSON.stringify(RESULT).length}\r\n\r\n`
  for (const status of ['204 No Content', '205 Reset Content', '600 More', '999 Most'])
    t.ok(
      isOwnError(await get(raw(`HTTP/1.1 ${status}\r\n${announced}${JSON.stringify(RESULT)}`)), 502),
      status,
    )
  const json200 = 'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n'
  await t.rejects(
    get(raw(`${json200}Content-Length: 100\r\n\r\n{"half":`)),
    'half an answer breaks the connection',
  )
  await t.rejects(get(raw(`${json200}Transfer-Encoding: chunked\r\n\r\nzz\r\n`)), 'so does a bad chunk')
  const interim = await get(
    raw(`${'HTTP/1.1 103 Early Hints\r\nLink: <x>\r\n\r\n'.repeat(50)}${json200}Content-Length: 2\r\n\r\n{}`),
  )
  t.equal(interim.status, 200, 'interim answers are skipped')
  const hung = await get(() => undefined)
  t.ok(isOwnError(hung, 504), 'no head in time')
  t.equal((await get((_, res) => json(res, 200, RESULT))).status, 200)

  await upstream.close()
  const gone = await send(stage, { token })
  t.ok(isOwnError(gone, 502), 'not there')
  t.notMatch(gone.text, '127.0.0.1')
  const batch = await send(stage, { token, body: [call('ping', {}, 'a'), call('ping', {}, 2)] })
  t.equal(batch.status, 502)
  t.match(JSON.parse(batch.text), [{ id: 'a' }, { id: 2 }])
})

t.test('a head that can be read in two ways is none', async (t) => {
  const body = JSON.stringify(RESULT)
  const length = `Content-Length: ${body.length}\r\n`
  const heads: Readonly<Record<string, string>> = {
    'two lengths': `Content-Length: ${body.length + 5}\r\n${length}`,
    'a length and pieces': `${length}Transfer-Encoding: chunked\r\n`,
    'a NUL': `${length}X: a\0b\r\n`,
    'a control character': `${length}Cache-Control: a\x01b\r\n`,
    'a folded line': `${length}Cache-Control: a\r\n Set-Cookie: x=y\r\n`,
    'a carriage return alone': `${length}Retry-After: 1\rSet-Cookie: x=y\r\n`,
    'a line feed alone': `${length}Retry-After: 1\nSet-Cookie: x=y\r\n`,
    'five thousand lines': length + 'X-A: 1\r\n'.repeat(5000),
    'a session with a space': `${length}Mcp-Session-Id: a b\r\n`,
    'two encodings': `${length}Content-Encoding: identity\r\nContent-Encoding: gzip\r\n`,
  }
  const { get } = await scene(t)
  const answerWith = async (status: string, head: string) => {
    // An upstream that answers well in between is not taken for one that is down.
    await get((_, res) => json(res, 200, RESULT))
    const bytes = `HTTP/1.1 ${status}\r\nContent-Type: application/json\r\n${head}\r\n${body}`
    return get((_, res) => void res.socket?.end(bytes))
  }
  for (const [what, head] of Object.entries(heads)) {
    const answer = await answerWith('200 OK', head)
    t.ok(isOwnError(answer, 502), what)
    t.equal(answer.headers['set-cookie'], undefined, what)
  }
  const upgrade = 'Upgrade: websocket\r\nConnection: Upgrade\r\n'
  t.ok(isOwnError(await answerWith('101 Switching Protocols', upgrade), 502), 'another protocol')
  t.same((await answerWith('200 OK', `${length}X: a\r\n`)).json, RESULT)
})

t.test('an answer in JSON that stops half-way is given up', async (t) => {
  const { get, stage } = await scene(t, { stalledAnswerMs: 1000, pulseMs: 20 })
  await t.rejects(
    get((_, res) => {
      res.writeHead(200, { 'content-type': 'application/json' })
      res.write('{"half":')
    }),
  )
  t.equal(stage.events.at(-1)?.outcome, 'failed')
  const slow = await get((_, res) => {
    res.writeHead(200, { 'content-type': 'application/json' })
    res.write('{"whole":')
    void delay(10).then(() => res.end('true}'))
  })
  t.equal(slow.text, '{"whole":true}')
})
