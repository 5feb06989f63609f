// Owns the bounds of what the operator lets us fetch: size, time and redirects, though not addresses.

import { createServer, type RequestListener } from 'node:http'
import t from 'tap'
import { createConfiguredFetch } from '../../src/http/configured-fetch.ts'
import type { Teardown } from '../support/database.ts'
import { serveLocally } from '../support/local-server.ts'

function serve(t: Teardown, listener: RequestListener): Promise<string> {
  return serveLocally(t, createServer(listener))
}

t.test('a document on a private address is fetched, without a word about us', async (t) => {
  const seen: Record<string, unknown>[] = []
  const origin = await serve(t, (request, response) => {
    seen.push(request.headers)
    response.setHeader('content-type', 'application/json').end('{"keys":[]}')
  })
  const response = await createConfiguredFetch()(`${origin}/keys`)
  t.equal(response.status, 200)
  t.same(await response.json(), { keys: [] })
  t.notOk(seen[0]?.cookie)
  t.notOk(seen[0]?.authorization)
})

t.test('a redirect is not followed', async (t) => {
  let visits = 0
  const origin = await serve(t, (_request, response) => {
    visits += 1
    response.writeHead(302, { location: '/elsewhere' }).end()
  })
  t.equal((await createConfiguredFetch()(`${origin}/keys`)).ok, false)
  t.equal(visits, 1)
})

t.test('what is too large or too slow is given up', async (t) => {
  const origin = await serve(t, (request, response) => {
    if (request.url === '/slow') response.write('{')
    else response.end('x'.repeat(300 * 1024))
  })
  const fetch = createConfiguredFetch()
  await t.rejects(fetch(`${origin}/large`))
  await t.rejects(fetch(`${origin}/slow`, { signal: AbortSignal.timeout(100) }))
})
