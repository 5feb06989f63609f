// Owns the proof that every cookie is as closed as https allows, and that one that is not ours opens nothing (LG-06, CO-14, CO-18).

import { type IncomingMessage, request } from 'node:http'
import { text } from 'node:stream/consumers'
import t from 'tap'
import { build, PASSWORD, type Running } from '../support/gatehouse.ts'
import { authorizationRequest, REDIRECT_URI } from '../support/oauth.ts'

const ALICE = 'alice@example.com'
const HOST = 'gate.test'

interface Reply {
  readonly status: number
  readonly location: string
  readonly cookies: readonly string[]
  readonly body: string
}

/** As a proxy that speaks https in front passes requests on. */
function behindProxy({ config }: Running) {
  return (
    path: string,
    cookies: ReadonlyMap<string, string>,
    form?: Record<string, string>,
  ): Promise<Reply> => {
    const cookie = [...cookies].map(([name, value]) => `${name}=${value}`).join('; ')
    const body = form && `${new URLSearchParams(form)}`
    const headers = {
      host: HOST,
      accept: 'text/html',
      ...(cookie && { cookie }),
      ...(body && { 'content-type': 'application/x-www-form-urlencoded', origin: `https://${HOST}` }),
    }
    const method = body === undefined ? 'GET' : 'POST'
    return new Promise((resolve, reject) => {
      const read = async (response: IncomingMessage) =>
        resolve({
          status: response.statusCode ?? 0,
          location: response.headers.location?.replace(`https://${HOST}`, '') ?? '',
          cookies: response.headers['set-cookie'] ?? [],
          body: await text(response),
        })
      request({ host: '127.0.0.1', port: config.port, path, method, headers }, read)
        .on('error', reject)
        .end(body)
    })
  }
}

t.test('every cookie on the way to an app is closed, and only ours count', async (t) => {
  const running = await build(t, { env: { PUBLIC_URL: `https://${HOST}` } })
  await running.createPerson(ALICE)
  const send = behindProxy(running)
  const registered = await running.app.inject({
    method: 'POST',
    url: '/register',
    headers: { host: HOST },
    payload: { redirect_uris: [REDIRECT_URI] },
  })
  const { url } = authorizationRequest('', registered.json().client_id, { resource: `https://${HOST}/mcp` })
  const jar = new Map<string, string>()
  const lines: string[] = []
  const visit = async (path: string, form?: Record<string, string>) => {
    const reply = await send(path, jar, form)
    for (const line of reply.cookies) {
      lines.push(line)
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? []
      if (value === '') jar.delete(name)
      else jar.set(name, value)
    }
    return reply
  }

  const { location: login } = await visit(url)
  const _csrf = /name="_csrf" value="([^"]+)"/.exec((await visit(login)).body)?.[1] ?? ''
  const resumed = await visit(login, { email: ALICE, password: PASSWORD, _csrf })
  t.equal(resumed.status, 303)
  const { location: consent } = await visit(resumed.location)
  t.match(consent, '/consent/')

  const names = new Set(lines.map((line) => line.split('=')[0]))
  for (const name of [
    '__Host-session',
    '__Host-csrf',
    '__Host-known-browser',
    '__Secure-interaction',
    '__Secure-resume',
  ])
    t.ok(names.has(name), name)
  for (const line of lines) {
    t.match(line, /; secure(;|$)/i, line)
    t.match(line, /; httponly(;|$)/i, line)
    t.match(line, /; samesite=lax(;|$)/i, line)
    t.notMatch(line, /; domain=/i, line)
    t.match(line, /^__(Host-[^;]+;(.*;)? path=\/(;|$)|Secure-[^;]+;(.*;)? path=\/\w+\/[\w-]+(;|$))/i, line)
  }

  const signedIn = async (cookies: ReadonlyMap<string, string>) =>
    (await send('/account', cookies)).status === 200
  const session = jar.get('__Host-session') ?? ''
  const signature = jar.get('__Host-session.sig') ?? ''
  t.equal(
    await signedIn(
      new Map([
        ['__Host-session', session],
        ['__Host-session.sig', signature],
      ]),
    ),
    true,
  )
  for (const [what, cookies] of Object.entries({
    'without its signature': [['__Host-session', session]],
    'with another one': [
      ['__Host-session', session],
      ['__Host-session.sig', signature.replace(/.$/, (last) => (last === 'A' ? 'B' : 'A'))],
    ],
    'with another identifier': [
      ['__Host-session', `${session}x`],
      ['__Host-session.sig', signature],
    ],
    'under the name that a sibling domain could set': [
      ['session', session],
      ['session.sig', signature],
    ],
  } as const))
    t.equal(await signedIn(new Map(cookies.map(([name, value]) => [name, value] as const))), false, what)
})
