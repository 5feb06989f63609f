// Owns the proof that a client which is a document is what that says at the moment, and is not lost while its site is away (CI-09, CI-10).

import { randomUUID } from 'node:crypto'
import type { ServerResponse } from 'node:http'
import { exportJWK, generateKeyPair, SignJWT } from 'jose'
import t, { type Test } from 'tap'
import { createOutboundFetch } from '../../src/http/outbound.ts'
import { reaching, startDocumentServer } from '../support/documents.ts'
import { build } from '../support/gatehouse.ts'
import { authorizationRequest } from '../support/oauth.ts'
import { ask, startReplica } from '../support/replica.ts'
import { authorize, redeem } from '../support/sign-in.ts'

const ALICE = 'alice@example.com'
const SITE = 'https://document.test'
const CALLBACK = { redirect_uri: `${SITE}/cb` }
const FORM = { 'content-type': 'application/x-www-form-urlencoded' }

type Serve = (response: ServerResponse) => unknown

/** A site whose documents change while the test goes on; ALICE has connected an app for each of them before. */
async function setUp(t: Test, names: readonly string[]) {
  const pages = new Map<string, Serve>()
  const site = await startDocumentServer(({ url = '' }, response) => {
    const serve = pages.get(url) ?? ((response) => response.writeHead(404).end())
    serve(response)
  })
  t.teardown(() => site.close())
  const publish = (name: string, members: object = {}) => {
    const client_id = `${SITE}/${name}`
    const document = { client_id, client_name: 'An app', redirect_uris: [CALLBACK.redirect_uri], ...members }
    pages.set(`/${name}`, (response) =>
      response.setHeader('cache-control', 'max-age=3600').end(JSON.stringify(document)),
    )
    return { client_id }
  }
  const limits = { perHostPerMinute: 1000 }
  const outboundFetch = () =>
    createOutboundFetch({ ...reaching(site), ownOrigin: 'http://localhost', limits, timeoutMs: 5000 })

  const first = await build(t, { overrides: { outboundFetch: outboundFetch() } })
  await first.createPerson(ALICE)
  const desk = first.browser()
  const refreshTokens = new Map<string, string>()
  for (const name of names) {
    const client = publish(name)
    const { url, verifier, state } = authorizationRequest(first.origin, client.client_id, CALLBACK)
    const code = (await authorize(desk, { url, verifier, state }, ALICE)).get('code') ?? ''
    const tokens = await redeem(first.origin, { client, code, verifier }, CALLBACK)
    refreshTokens.set(name, String(tokens.body.refresh_token))
  }

  /** Where no document was fetched before. */
  const elsewhere = async () => {
    const replica = await startReplica(t, first, { overrides: { outboundFetch: outboundFetch() } })
    const cookie = await desk.jar.getCookieString(first.origin)
    return {
      replica,
      async locationOf(name: string) {
        const { url } = authorizationRequest(first.origin, `${SITE}/${name}`, CALLBACK)
        const { status, headers } = await ask(replica, url, { headers: { cookie, accept: 'text/html' } })
        return headers.location ?? status
      },
      async refresh(name: string, fields: Readonly<Record<string, string>> = {}) {
        const grant = { grant_type: 'refresh_token', refresh_token: refreshTokens.get(name) ?? '' }
        const body = String(new URLSearchParams({ ...grant, client_id: `${SITE}/${name}`, ...fields }))
        const answer = await ask(replica, `${first.origin}/token`, { method: 'POST', headers: FORM, body })
        const { error } = JSON.parse(answer.body)
        return { status: answer.status, error, retryAfter: answer.headers['retry-after'] }
      },
    }
  }
  return { ...first, pages, site, publish, elsewhere }
}

t.test('what a document says after a person has agreed to it is asked about, or refused', async (t) => {
  const names = ['same', 'renamed', 'moved', 'signing', 'mistaken', 'gone']
  const { publish, pages, site, elsewhere } = await setUp(t, names)
  t.equal(site.requests.length, names.length, 'each was fetched once, for the whole way to a token')
  publish('renamed', { client_name: 'Another app' })
  publish('moved', { redirect_uris: [`${SITE}/other`] })
  publish('signing', { token_endpoint_auth_method: 'private_key_jwt', jwks_uri: `${SITE}/keys` })
  publish('mistaken', { client_id: `${SITE}/other` })
  pages.delete('/gone')

  const { locationOf, refresh } = await elsewhere()
  t.match(await locationOf('same'), /cb\?code=/)
  t.match(await locationOf('renamed'), /^\/consent\//, 'not the name that was agreed to')
  t.match(await locationOf('signing'), /^\/consent\//, 'not the keys that were agreed to')
  for (const name of ['moved', 'mistaken', 'gone']) t.equal(await locationOf(name), 400, name)

  for (const name of ['same', 'renamed', 'moved']) t.match(await refresh(name), { status: 200 }, name)
  t.match(await refresh('signing'), { status: 401, error: 'invalid_client' })
  t.match(await refresh('mistaken'), { status: 400, error: 'invalid_client_metadata' })
  t.match(await refresh('gone'), { status: 400, error: 'invalid_client' })
})

t.test('an app whose site is away keeps its tokens, and is told to come back', async (t) => {
  const away: Readonly<Record<string, Serve>> = {
    broken: (response) => response.destroy(),
    down: (response) => response.writeHead(503).end(),
    busy: (response) => response.writeHead(429).end(),
  }
  const names = Object.keys(away)
  const { publish, pages, elsewhere } = await setUp(t, names)
  for (const [name, serve] of Object.entries(away)) pages.set(`/${name}`, serve)

  const { refresh, locationOf, replica } = await elsewhere()
  for (const name of names) {
    const told = { status: 503, error: 'temporarily_unavailable', retryAfter: '10' }
    t.match(await refresh(name), told, name)
    t.equal(await locationOf(name), 400, `a person sees a page: ${name}`)
  }
  t.match(replica.log(), /token\.refused.*the answer was 503/, 'an operator learns why')

  for (const name of names) publish(name)
  for (const name of names) t.match(await refresh(name), { status: 200 }, `${name}, a moment later`)
})

t.test('an app whose keys are away is told the same, and let in with them', async (t) => {
  const { origin, publish, pages, elsewhere } = await setUp(t, ['signing'])
  const { privateKey, publicKey } = await generateKeyPair('ES256')
  const key = { ...(await exportJWK(publicKey)), kid: 'k1', alg: 'ES256', use: 'sig' }
  const method = { token_endpoint_auth_method: 'private_key_jwt', token_endpoint_auth_signing_alg: 'ES256' }
  const { client_id } = publish('signing', { ...method, jwks_uri: `${SITE}/keys` })
  const signed = async () => ({
    client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
    client_assertion: await new SignJWT({ jti: randomUUID(), iss: client_id, sub: client_id, aud: origin })
      .setProtectedHeader({ alg: 'ES256', kid: 'k1' })
      .setIssuedAt()
      .setExpirationTime('5m')
      .sign(privateKey),
  })

  const { refresh } = await elsewhere()
  pages.set('/keys', (response) => response.writeHead(502).end())
  t.match(await refresh('signing', await signed()), { status: 503, error: 'temporarily_unavailable' })
  pages.set('/keys', (response) => response.end(JSON.stringify({ keys: [key] })))
  t.match(await refresh('signing', await signed()), { status: 200 })
})
