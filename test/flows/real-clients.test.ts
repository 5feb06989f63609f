// Owns the proof that clients of the field connect: each with the words it really says, through the whole product to a token.

import t from 'tap'
import { createOutboundFetch } from '../../src/http/outbound.ts'
import { reaching, serving, startDocumentServer } from '../support/documents.ts'
import { build } from '../support/gatehouse.ts'
import { authorizationRequest, claimsOf, register } from '../support/oauth.ts'
import { DOCUMENT_CLIENTS, REGISTERING_CLIENTS, type RealClient } from '../support/real-clients.ts'
import { authorize, redeem, signIn } from '../support/sign-in.ts'

const ALICE = 'alice@example.com'

t.test('clients that register themselves', async (t) => {
  const { origin, createPerson, browser } = await build(t)
  await createPerson(ALICE)

  for (const { name, metadata, redirectUri, effective } of REGISTERING_CLIENTS) {
    const client = await register(origin, {
      client_name: undefined,
      grant_types: undefined,
      response_types: undefined,
      token_endpoint_auth_method: undefined,
      ...metadata,
    })
    t.notOk(JSON.stringify(client).includes('null'), `${name}: absent members are absent`)
    const request = authorizationRequest(origin, client.client_id, { redirect_uri: redirectUri })
    const callback = await authorize(browser(), request, ALICE)
    const secret =
      effective.token_endpoint_auth_method === 'client_secret_post'
        ? { client_secret: client.client_secret }
        : {}
    const code = callback.get('code') ?? ''
    const answer = await redeem(
      origin,
      { client, code, verifier: request.verifier },
      { redirect_uri: redirectUri, ...secret },
    )

    if (effective.token_endpoint_auth_method === 'client_secret_basic') {
      t.match(answer, { status: 401, body: { error: 'invalid_client' } }, `${name}: authenticates by Basic`)
      continue
    }
    t.match(answer, { status: 200 }, `${name}: gets its token`)
    t.match(claimsOf(answer.body.access_token), { aud: `${origin}/mcp`, client_id: client.client_id }, name)
    t.type(answer.body.refresh_token, 'string', `${name}: and a refresh token`)
  }
})

t.test('clients that publish a document', async (t) => {
  const documents = Object.fromEntries(
    DOCUMENT_CLIENTS.map(({ metadata }) => [String(metadata.client_id), metadata]),
  )
  const server = await startDocumentServer(serving(documents))
  t.teardown(() => server.close())
  const limits = { perHostPerMinute: 1000, perMinute: 1000 }
  const outboundFetch = createOutboundFetch({ ...reaching(server), ownOrigin: 'http://localhost', limits })
  const { origin, createPerson, browser, db } = await build(t, { overrides: { outboundFetch } })
  await createPerson(ALICE)

  for (const client of DOCUMENT_CLIENTS) {
    const { name, metadata, redirectUri, effective } = client
    const client_id = String(metadata.client_id)
    const request = authorizationRequest(origin, client_id, { redirect_uri: redirectUri })
    const page = await signIn(browser(), request.url, ALICE)
    t.match(page.body, new URL(client_id).host, `${name}: the page names the host that vouches for it`)
    const callback = await authorize(browser(), request, ALICE)
    t.type(callback.get('code'), 'string', `${name}: gets its code`)
    if (effective.token_endpoint_auth_method !== 'none') continue
    const code = callback.get('code') ?? ''
    const answer = await redeem(
      origin,
      { client: { client_id }, code, verifier: request.verifier },
      { redirect_uri: redirectUri },
    )
    t.match(answer, { status: 200 }, `${name}: gets its token`)
  }
  t.same(await db.selectFrom('oauth_clients').select('id').execute(), [], 'none of them is stored')
})

t.test(
  'a public document with a loopback redirect is asked about each time; a web client is not',
  async (t) => {
    const local = documentClient('https://document.test/local.json', 'http://127.0.0.1/callback')
    const web = documentClient('https://document.test/web.json', 'https://document.test/callback')
    const server = await startDocumentServer(serving({ [local.client_id]: local, [web.client_id]: web }))
    t.teardown(() => server.close())
    const outboundFetch = createOutboundFetch({ ...reaching(server), ownOrigin: 'http://localhost' })
    const { origin, createPerson, browser } = await build(t, { overrides: { outboundFetch } })
    await createPerson(ALICE)
    const desk = browser()
    const visit = (client_id: string, redirect_uri: string) =>
      authorizationRequest(origin, client_id, { redirect_uri })

    await authorize(desk, visit(web.client_id, web.redirect_uris[0]), ALICE)
    await authorize(desk, visit(local.client_id, 'http://127.0.0.1:41234/callback'), ALICE)

    t.match((await desk.open(visit(web.client_id, web.redirect_uris[0]).url)).url, 'code=')
    t.match((await desk.open(visit(local.client_id, 'http://127.0.0.1:41235/callback').url)).url, '/consent/')
  },
)

t.test('a document that names another client, or redirects elsewhere, is refused', async (t) => {
  const good = documentClient('https://document.test/good.json', 'https://document.test/callback')
  const liar = { ...good, client_id: 'https://document.test/other.json' }
  const server = await startDocumentServer(
    serving({ [good.client_id]: good, 'https://document.test/liar.json': liar }),
  )
  t.teardown(() => server.close())
  const outboundFetch = createOutboundFetch({ ...reaching(server), ownOrigin: 'http://localhost' })
  const { origin, browser } = await build(t, { overrides: { outboundFetch } })
  const open = (client_id: string, redirect_uri: string) =>
    browser().open(authorizationRequest(origin, client_id, { redirect_uri }).url)

  t.equal((await open('https://document.test/liar.json', good.redirect_uris[0])).status, 400)
  t.equal((await open('https://document.test/absent.json', good.redirect_uris[0])).status, 400)
  t.equal((await open(good.client_id, 'https://evil.example/callback')).status, 400)
  t.match((await open(good.client_id, good.redirect_uris[0])).url, '/login/')
})

t.test('a Gatehouse that cannot reach the internet says so, and apps that can register do', async (t) => {
  const document = documentClient('https://document.test/client.json', 'http://127.0.0.1/callback')
  const resolve = async () => Promise.reject(Object.assign(new Error('no such host'), { code: 'ENOTFOUND' }))
  const outboundFetch = createOutboundFetch({ resolve, ownOrigin: 'http://localhost' })
  const metadataOf = async (origin: string): Promise<Record<string, unknown>> =>
    JSON.parse(await (await fetch(`${origin}/.well-known/oauth-authorization-server`)).text())

  const open = await build(t, { overrides: { outboundFetch } })
  t.equal((await metadataOf(open.origin)).client_id_metadata_document_supported, true)
  const page = await open.browser().open(
    authorizationRequest(open.origin, document.client_id, {
      redirect_uri: 'http://127.0.0.1:4000/callback',
    }).url,
  )
  t.equal(page.status, 400)
  t.match(page.body, 'could not fetch the document')
  t.notMatch(page.body, 'registers anew', 'that would not help')
  t.match(
    open.log(),
    /"authorization\.refused","clientId":"https:\/\/document\.test\/client\.json".*ENOTFOUND/,
  )

  const closed = await build(t, { env: { REGISTRATION: 'dcr' }, overrides: { outboundFetch } })
  t.notOk('client_id_metadata_document_supported' in (await metadataOf(closed.origin)))
  await closed.createPerson(ALICE)
  const client = await register(closed.origin)
  t.type(
    (await authorize(closed.browser(), authorizationRequest(closed.origin, client.client_id), ALICE)).get(
      'code',
    ),
    'string',
  )
})

function documentClient(client_id: string, redirectUri: string) {
  return {
    client_id,
    client_name: 'Document client',
    redirect_uris: [redirectUri] as const,
  } satisfies Record<string, unknown>
}

/** The table rows are what they say they are. */
t.ok([...REGISTERING_CLIENTS, ...DOCUMENT_CLIENTS].every(({ source }: RealClient) => source !== ''))
