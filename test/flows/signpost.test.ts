// Owns that a browser without a token gets a page at /mcp, with the challenge of a client, and that clients get what they always got.

import t from 'tap'
import { build } from '../support/gatehouse.ts'

const CHROME = 'text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8'

t.test('a person is shown the way, and a client is answered as ever', async (t) => {
  const { origin, log } = await build(t)
  const ask = async (accept: string, init: RequestInit = {}, path = '/mcp') => {
    const response = await fetch(origin + path, { ...init, headers: { accept, ...init.headers } })
    return { response, status: response.status, text: await response.text() }
  }
  const client = await ask('application/json, text/event-stream')
  t.match(client, { status: 401, text: /^\{"error":"invalid_token"/ })
  const challenge = client.response.headers.get('www-authenticate')
  t.match(challenge, /^Bearer resource_metadata=/)

  for (const path of ['/mcp', '/mcp/demo', '/mcp?from=mail']) {
    const person = await ask(CHROME, {}, path)
    t.match(person, { status: 401, text: /This is an address for apps/ }, path)
    const { headers } = person.response
    t.match(headers.get('content-type'), 'text/html')
    t.match(
      headers.get('content-security-policy'),
      /^default-src 'none'; style-src 'nonce-/,
      'that of a page',
    )
    t.equal(headers.get('cache-control'), 'no-store')
    t.match(headers.get('www-authenticate'), /^Bearer resource_metadata=/)
    if (path === '/mcp') t.equal(headers.get('www-authenticate'), challenge)
    t.equal(headers.get('set-cookie'), null)
  }
  t.match(log(), /"event":"call".*"outcome":"refused","status":401,"reason":"token"/)

  const clients: readonly [string, RequestInit?, string?][] = [
    ['*/*'],
    ['application/json, text/html'],
    ['text/html, text/event-stream'],
    [CHROME, { method: 'POST', body: '{}' }],
    [CHROME, { headers: { authorization: 'Bearer nonsense' } }],
  ]
  for (const [accept, init] of clients) {
    const { response, status, text } = await ask(accept, init)
    t.equal(status, 401)
    t.match(text, /^\{"error":"invalid_token"/)
    t.match(response.headers.get('content-type'), 'application/json')
  }
})

t.test('where no server is, a person is told so on a page, and a client as ever', async (t) => {
  const { origin } = await build(t)
  const ask = async (accept: string, path: string) => {
    const response = await fetch(origin + path, { headers: { accept } })
    return {
      status: response.status,
      type: response.headers.get('content-type'),
      text: await response.text(),
    }
  }
  const page = { status: 404, type: /^text\/html/, text: /There is no MCP server at this address/ }
  t.match(await ask(CHROME, '/mcp/nowhere'), page)
  t.match((await ask(CHROME, '/mcp/nowhere')).text, '<a class="button" href="/">Front page</a>')
  t.match(await ask(CHROME, '/mcp/demo/'), {
    ...page,
    text: `Without the slash at its end there is: ${origin}/mcp/demo<`,
  })
  for (const path of ['/mcp/nowhere', '/mcp/demo/'])
    t.match(await ask('application/json, text/event-stream', path), {
      status: 404,
      text: /^\{"error":"not_found"/,
    })
})
