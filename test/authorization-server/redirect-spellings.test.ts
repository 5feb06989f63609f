// Owns the proof that no other spelling of a redirect URI leads anywhere, for each kind of URI and client (AZ-03 to AZ-09).

import t from 'tap'
import { createOutboundFetch } from '../../src/http/outbound.ts'
import { reaching, serving, startDocumentServer } from '../support/documents.ts'
import { startMinimalProvider } from '../support/minimal-provider.ts'
import { authorizationRequest, register } from '../support/oauth.ts'
import { spellingsOf } from '../support/redirect-spellings.ts'

/** What is registered; what else is as good: other ports of the same loopback address (RFC 8252 §7.3). */
const REGISTERED: readonly (readonly [string, readonly string[]])[] = [
  ['https://app.test/cb', []],
  ['https://app.test:8443/a/cb?tenant=1', []],
  ['http://127.0.0.1:33000/callback', ['http://127.0.0.1:1/callback', 'http://127.0.0.1/callback']],
  ['http://localhost/callback', ['http://localhost:3118/callback', 'http://localhost:65535/callback']],
  ['http://[::1]:8080/cb?x=1', ['http://[::1]/cb?x=1', 'http://[::1]:9/cb?x=1']],
  ['https://localhost:3000/cb', []],
  ['cursor://anysphere.cursor-mcp/oauth/callback', []],
  ['com.example.app:/oauth2redirect', []],
]
const DOCUMENT = 'https://document.test/client.json'
const PUBLISHED = 'http://127.0.0.1/callback'
const FEWEST_SPELLINGS = 200

t.test('a redirect URI in any other spelling leads nowhere', async (t) => {
  const document = { client_id: DOCUMENT, client_name: 'Document', redirect_uris: [PUBLISHED] }
  const server = await startDocumentServer(serving({ [DOCUMENT]: document }))
  t.teardown(() => server.close())
  const outbound = { ...reaching(server), ownOrigin: 'https://gate.test' }
  const { origin, close } = await startMinimalProvider({ fetch: createOutboundFetch(outbound) })
  t.teardown(close)
  const locationOf = async (clientId: string, redirect_uri: string) => {
    const parameters = { redirect_uri, resource: undefined, scope: 'openid' }
    const { url } = authorizationRequest(origin, clientId, parameters)
    const { status, headers, body } = await fetch(url, { redirect: 'manual' })
    await body?.cancel()
    return headers.get('location') ?? status
  }
  const leadNowhere = async (clientId: string, uri: string, alike: readonly string[]) => {
    for (const good of [uri, ...alike]) t.match(await locationOf(clientId, good), /^\/interaction\//, good)
    const led: string[] = []
    for (const spelling of spellingsOf(uri))
      if ((await locationOf(clientId, spelling)) !== 400) led.push(spelling)
    t.same(led, [], `${uri} of ${clientId}`)
  }

  for (const [uri, alike] of REGISTERED)
    await leadNowhere((await register(origin, { redirect_uris: [uri] })).client_id, uri, alike)
  await leadNowhere(DOCUMENT, PUBLISHED, ['http://127.0.0.1:4000/callback'])
})

t.test('of each kind there are hundreds of spellings', async (t) => {
  for (const [uri] of REGISTERED.slice(0, -1)) t.ok(spellingsOf(uri).length > FEWEST_SPELLINGS, uri)
})
