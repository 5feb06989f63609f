// Owns the proof that the whole service answers under its own name only, and builds no URL from what a request says (TR-11).

import { connect } from 'node:net'
import { text } from 'node:stream/consumers'
import t from 'tap'
import { build, type Running } from '../support/gatehouse.ts'
import { authorizationRequest, REDIRECT_URI, register } from '../support/oauth.ts'

interface Route {
  readonly name: string
  readonly method: string
  readonly path: string
  readonly headers?: readonly string[]
  readonly body?: string
  /** Of the accepted twin. */
  readonly status: number
}

const FORM = ['Content-Type: application/x-www-form-urlencoded']
const JSON_BODY = ['Content-Type: application/json', 'Accept: application/json, text/event-stream']
const PREFLIGHT = ['Origin: http://localhost:6274', 'Access-Control-Request-Method: POST']

async function routesOf({ origin }: Running): Promise<readonly Route[]> {
  const { client_id } = await register(origin)
  const authorize = new URL(authorizationRequest(origin, client_id).url)
  const unknownCode = `grant_type=authorization_code&client_id=${client_id}&code=x&redirect_uri=${REDIRECT_URI}&code_verifier=x`
  const registration = JSON.stringify({ redirect_uris: [REDIRECT_URI], token_endpoint_auth_method: 'none' })
  const get = (name: string, path: string, status: number): Route => ({ name, method: 'GET', path, status })
  const post = (
    name: string,
    path: string,
    status: number,
    headers: readonly string[],
    body: string,
  ): Route => {
    return { name, method: 'POST', path, status, headers, body }
  }
  return [
    get('discovery (RFC 8414)', '/.well-known/oauth-authorization-server', 200),
    get('discovery (OpenID Connect)', '/.well-known/openid-configuration', 200),
    get('keys', '/jwks', 200),
    get('authorize', authorize.pathname + authorize.search, 303),
    get('authorize, without anything', '/authorize', 400),
    post('token', '/token', 400, FORM, unknownCode),
    post('register', '/register', 201, JSON_BODY, registration),
    get('userinfo', '/userinfo', 401),
    get('front page', '/', 200),
    get('sign-in', '/login', 303),
    get('sign-in of an unknown interaction', '/login/unknown', 400),
    post('sign-in, posted', '/login/unknown', 403, FORM, 'email=a&password=b'),
    get('consent of an unknown interaction', '/consent/unknown', 400),
    get('set-up, without its link', '/setup', 404),
    get('resource metadata', '/.well-known/oauth-protected-resource/mcp', 200),
    get('resource metadata of one upstream', '/.well-known/oauth-protected-resource/mcp/demo', 200),
    post('mcp', '/mcp', 401, JSON_BODY, '{"jsonrpc":"2.0","id":1,"method":"ping"}'),
    get('mcp, a stream', '/mcp', 401),
    { name: 'mcp, a preflight', method: 'OPTIONS', path: '/mcp', headers: PREFLIGHT, status: 204 },
    get('not found', '/nothing-is-here', 404),
  ]
}

t.test('no route answers under another name, and each does under its own', async (t) => {
  const running = await build(t)
  const { host } = new URL(running.origin)
  const ours = `Host: ${host}`
  const clients = () => running.db.selectFrom('oauth_clients').select('id').execute()

  for (const route of await routesOf(running)) {
    const before = (await clients()).length
    const foreign: readonly (readonly [target: string, hosts: readonly string[]])[] = [
      [route.path, ['Host: evil.test']],
      [route.path, [ours, 'Host: evil.test']],
      [route.path, ['Host: evil.test', ours]],
      [route.path, ['Host: evil.test', `X-Forwarded-Host: ${host}`, `Forwarded: host=${host}`]],
      [`http://evil.test${route.path}`, [ours]],
    ]
    for (const [target, hosts] of foreign) {
      const answer = await send(running, { ...route, path: target }, hosts)
      t.equal(answer.status, 421, `${route.name}: ${target.split('?')[0]} with ${hosts.join(', ')}`)
      t.notMatch(answer.text, /evil\.test|set-cookie/i)
    }
    t.equal((await clients()).length, before, `${route.name}: nothing was done`)
    t.equal((await send(running, route, [ours])).status, route.status, `${route.name}: accepted as ours`)
  }
})

const CLAIMS = [
  'X-Forwarded-Host: evil.test',
  'X-Forwarded-Server: evil.test',
  'X-Forwarded-Proto: gopher',
  'X-Forwarded-Port: 6666',
  'X-Original-Host: evil.test',
  'X-Host: evil.test',
  'Forwarded: host=evil.test;proto=gopher',
]

for (const trustProxy of ['off', '127.0.0.1']) {
  t.test(`what a request claims about our name changes no URL (TRUST_PROXY=${trustProxy})`, async (t) => {
    const running = await build(t, { env: { TRUST_PROXY: trustProxy } })
    const ours = `Host: ${new URL(running.origin).host}`

    for (const route of await routesOf(running)) {
      const plain = await send(running, route, [ours])
      const claiming = await send(running, route, [ours, ...CLAIMS])
      t.equal(claiming.status, route.status, route.name)
      t.notMatch(claiming.text, /evil\.test|gopher|6666/, route.name)
      t.same(urlsIn(claiming, running), urlsIn(plain, running), route.name)
    }
  })
}

interface RawAnswer {
  readonly status: number
  readonly text: string
}

/** On a socket of its own, because clients of HTTP refuse to send most of this. */
async function send(
  { origin }: Running,
  { method, path, headers = [], body = '' }: Route,
  hosts: readonly string[],
): Promise<RawAnswer> {
  const socket = connect(Number(new URL(origin).port), '127.0.0.1')
  const length = body === '' ? [] : [`Content-Length: ${Buffer.byteLength(body)}`]
  const head = [`${method} ${path} HTTP/1.1`, ...hosts, ...headers, ...length, 'Connection: close']
  // Not ended yet: who half-closes has left, and needs no answer.
  socket.write(`${head.join('\r\n')}\r\n\r\n${body}`)
  const answer = await text(socket)
  return { status: Number(answer.split(' ')[1]), text: answer }
}

/** Where the answer leads, without what is random in it. */
function urlsIn({ text }: RawAnswer, { origin }: Running): readonly string[] {
  const found = text.match(/(?:https?:\/\/|(?<=location: ))[^\s"'<>,;]+/gi) ?? []
  return found.map((url) => new URL(url, origin)).map(({ origin }) => origin)
}
