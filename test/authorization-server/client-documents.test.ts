// Owns the proofs that clients can be known by their metadata documents, and that nothing else is fetched or believed.

import { type CryptoKey, exportJWK, generateKeyPair, SignJWT } from 'jose'
import t, { type Test } from 'tap'
import {
  clientDocuments,
  foreignRedirectHosts,
  isAcceptableClientId,
} from '../../src/authorization-server/client-documents.ts'
import { createOutboundFetch } from '../../src/http/outbound.ts'
import { type Answer as Answering, reaching, serving, startDocumentServer } from '../support/documents.ts'
import { type MinimalProviderOptions, startMinimalProvider } from '../support/minimal-provider.ts'
import { authorizationRequest, postForm } from '../support/oauth.ts'
import { DOCUMENT_CLIENTS } from '../support/real-clients.ts'

const CLIENT_ID = 'https://document.test/client.json'
const REDIRECT_URI = 'https://document.test/cb'
const DOCUMENT = { client_id: CLIENT_ID, client_name: 'App', redirect_uris: [REDIRECT_URI] }

async function setUp(t: Test, answer: Answering, options: MinimalProviderOptions = {}) {
  const documents = await startDocumentServer(answer)
  t.teardown(() => documents.close())
  const fetchDocument = createOutboundFetch({
    ownOrigin: 'https://gate.test',
    maxBytes: 64 * 1024,
    limits: { perHostPerMinute: 100 },
    ...reaching(documents),
  })
  const server = await startMinimalProvider({ fetch: fetchDocument, ...options })
  t.teardown(() => server.close())
  const authorize = async (clientId: string, redirectUri = REDIRECT_URI) => {
    const parameters = { redirect_uri: redirectUri, resource: undefined, scope: 'openid' }
    const response = await fetch(authorizationRequest(server.origin, clientId, parameters).url, {
      redirect: 'manual',
    })
    const text = await response.text()
    const body: Readonly<Record<string, unknown>> = text.startsWith('{') ? JSON.parse(text) : {}
    return { status: response.status, body }
  }
  return { documents, server, authorize }
}

/** Serves one document, whatever is asked for. */
const document = (members: object): Answering => serving({ [CLIENT_ID]: { ...DOCUMENT, ...members } })

for (const { name, metadata, redirectUri, effective } of DOCUMENT_CLIENTS) {
  t.test(`${name} is known by its document and reaches the login page`, async (t) => {
    const clientId = String(metadata.client_id)
    const { documents, server, authorize } = await setUp(t, serving({ [clientId]: metadata }))
    t.equal((await authorize(clientId, redirectUri)).status, 303)
    const client = await server.provider.Client.find(clientId)
    t.match(client?.metadata(), { ...effective, client_name: metadata.client_name, response_types: ['code'] })
    t.equal('scope' in (client?.metadata() ?? {}), false)

    const other = redirectUri.replace(/^(\w+:\/\/)[^/]+/, '$1evil.test')
    t.equal((await authorize(clientId, other)).status, 400)
    t.equal(documents.requests.length, 1, 'the document is fetched once')
  })
}

t.test('the redirect URI must be in the document', async (t) => {
  const { authorize } = await setUp(t, document({}))
  t.equal((await authorize(CLIENT_ID)).status, 303)
  t.match(await authorize(CLIENT_ID, 'https://document.test/cb2'), {
    status: 400,
    body: { error: 'invalid_redirect_uri' },
  })
})

const WRONG: readonly (readonly [string, object])[] = [
  ['another client_id', { client_id: 'https://document.test/other.json' }],
  ['its client_id with a slash', { client_id: `${CLIENT_ID}/` }],
  ['its client_id in capitals', { client_id: 'https://DOCUMENT.test/client.json' }],
  ['no client_id', { client_id: undefined }],
  ['no name', { client_name: undefined }],
  ['an empty name', { client_name: '' }],
  ['no redirect URIs', { redirect_uris: undefined }],
  ['a secret', { client_secret: 'x' }],
  ['a secret that never expires', { client_secret_expires_at: 0 }],
  ['authentication by secret', { token_endpoint_auth_method: 'client_secret_basic' }],
  ['plain http off loopback', { redirect_uris: ['http://evil.test/cb', REDIRECT_URI] }],
  ['a script for a redirect URI', { redirect_uris: ['javascript:alert(1)', REDIRECT_URI] }],
  ['a user name in a redirect URI', { redirect_uris: ['https://claude.ai@evil.test/cb', REDIRECT_URI] }],
  ['a wildcard', { redirect_uris: ['https://*.document.test/cb', REDIRECT_URI] }],
  ['eleven redirect URIs', { redirect_uris: Array.from({ length: 11 }, (_, i) => `${REDIRECT_URI}${i}`) }],
  [
    'keys inside our network',
    { token_endpoint_auth_method: 'private_key_jwt', jwks_uri: 'https://10.0.0.5/keys' },
  ],
  [
    'keys on this server',
    { token_endpoint_auth_method: 'private_key_jwt', jwks_uri: 'https://gate.test/jwks' },
  ],
  [
    'keys over plain http',
    { token_endpoint_auth_method: 'private_key_jwt', jwks_uri: 'http://document.test/keys' },
  ],
  ['no grant that is offered', { grant_types: ['client_credentials'], response_types: [] }],
  ['a software statement', { software_statement: 'x.y.z' }],
]

for (const [what, members] of WRONG) {
  t.test(`a document is not believed with ${what}`, async (t) => {
    const wrong = await setUp(t, document(members))
    t.equal((await wrong.authorize(CLIENT_ID)).status, 400)
    const right = await setUp(t, document({}))
    t.equal((await right.authorize(CLIENT_ID)).status, 303)
  })
}

t.test('a document may leave out what it has no say in', async (t) => {
  const { server, authorize } = await setUp(
    t,
    document({ scope: null, logo_uri: undefined, token_endpoint_auth_method: null }),
  )
  t.equal((await authorize(CLIENT_ID)).status, 303)
  t.match((await server.provider.Client.find(CLIENT_ID))?.metadata(), {
    token_endpoint_auth_method: 'none',
    grant_types: ['authorization_code', 'refresh_token'],
  })
})

const NO_DOCUMENTS: readonly (readonly [string, Answering])[] = [
  [
    'a redirect to a real document',
    (_request, response) => response.writeHead(302, { location: '/other.json' }).end(),
  ],
  ['no answer but 404', (_request, response) => response.writeHead(404).end('{}')],
  [
    'more than five kilobytes',
    (_request, response) => response.end(JSON.stringify({ ...DOCUMENT, x: 'x'.repeat(5200) })),
  ],
  ['no JSON', (_request, response) => response.end('<html>')],
  ['a list', (_request, response) => response.end('[]')],
]

for (const [what, answer] of NO_DOCUMENTS) {
  t.test(`no client comes of ${what}`, async (t) => {
    const { authorize } = await setUp(t, answer)
    const { status, body } = await authorize(CLIENT_ID)
    t.equal(status, 400)
    t.match(body.error, /^invalid_client(_metadata)?$/)
  })
}

const BAD_IDS: readonly string[] = [
  'http://document.test/client.json',
  'https://document.test',
  'https://document.test/',
  'https://document.test/?client',
  'https://document.test:8443/client.json',
  'https://me@document.test/client.json',
  'https://document.test/client.json#x',
  'https://document.test/a/../client.json',
  'https://document.test/a/%2e%2e/client.json',
  'https://document.test/./client.json',
  'https://document.test//../client.json',
  'https://document.test\\client.json',
  'https://document.test/cli ent.json',
  'https://document.test/cli\tent.json',
  'https://document.test./client.json',
  'https://d\u043ecument.test/client.json',
  'https://127.0.0.1/c',
  'https://169.254.169.254/c',
  'https://10.0.0.5/c',
  'https://[::1]/c',
  'https://[::ffff:7f00:1]/c',
  'https://[64:ff9b::7f00:1]/c',
  'https://2130706433/c',
  'https://0x7f.1/c',
  'https://0/c',
  'https://localhost/c',
  'https://localhost./c',
  'https://100.64.0.1/c',
  'https://[fd00::1]/c',
  'https://224.0.0.1/c',
  'https://1.1.1.1/c',
  'https://[2606:4700:4700::1111]/c',
  'https://gate.test/c',
  'https://gate.test/.well-known/openid-configuration',
  `https://document.test/${'a'.repeat(2000)}`,
]

t.test('for a client_id that may not be one, nothing is connected and the answers are alike', async (t) => {
  const { documents, authorize } = await setUp(t, document({}))
  const answers = new Set<string>()
  for (const clientId of BAD_IDS) {
    t.equal(isAcceptableClientId(clientId, { publicUrl: 'https://gate.test' }), false, clientId)
    const { status, body } = await authorize(clientId)
    t.equal(status, 400, clientId)
    t.equal(body.error, 'invalid_client', clientId)
    answers.add(JSON.stringify(body.error_description ?? null))
  }
  t.ok(answers.size <= 2, 'refused before a fetch, or unknown')
  t.equal(documents.connections(), 0)
  t.equal((await authorize(CLIENT_ID)).status, 303)
})

t.test('a host that leads inside answers like one that does not answer', async (t) => {
  const { isPublicAddress } = await import('../../src/http/addresses.ts')
  const documents = await startDocumentServer(document({}))
  t.teardown(() => documents.close())
  const bodies: unknown[] = []
  for (const addresses of [['127.0.0.1'], ['10.0.0.5'], ['1.1.1.1', '127.0.0.1'], []]) {
    const outbound = { ...reaching(documents), isAllowed: isPublicAddress, resolve: async () => addresses }
    const fetchDocument = createOutboundFetch({ ownOrigin: 'https://gate.test', ...outbound })
    const server = await startMinimalProvider({ fetch: fetchDocument })
    t.teardown(() => server.close())
    const { url } = authorizationRequest(server.origin, CLIENT_ID, { resource: undefined, state: undefined })
    const { error, error_description } = Object(await (await fetch(url)).json())
    bodies.push({ error, error_description })
  }
  t.equal(new Set(bodies.map((body) => JSON.stringify(body))).size, 1)
  t.match(bodies[0], {
    error: 'invalid_client',
    error_description: 'client_id metadata document fetch failed',
  })
  t.equal(documents.connections(), 0)
})

t.test('a document is kept at least half a minute and at most a day, whatever it says', async (t) => {
  const { cacheDuration } = clientDocuments({ publicUrl: 'https://gate.test' })
  t.same(cacheDuration, { min: 30, max: 86_400 })
  const { documents, authorize } = await setUp(t, (_request, response) => {
    response.writeHead(200, { 'cache-control': 'no-store, max-age=0' }).end(JSON.stringify(DOCUMENT))
  })
  t.equal((await authorize(CLIENT_ID)).status, 303)
  t.equal((await authorize(CLIENT_ID)).status, 303)
  t.equal(documents.requests.length, 1)
})

t.test('documents may be limited to some domains, by whole labels', async (t) => {
  const rules = { publicUrl: 'https://gate.test', domains: ['example.com', 'Document.test'] }
  for (const allowed of ['https://example.com/c', 'https://app.example.com/c', 'https://APP.EXAMPLE.com/c']) {
    t.equal(isAcceptableClientId(allowed, rules), true, allowed)
  }
  const others = [
    'https://example.com.evil.test/c',
    'https://evilexample.com/c',
    'https://example.com%2eevil.test/c',
    'https://com/c',
    'https://evil.test/example.com',
  ]
  for (const other of others) t.equal(isAcceptableClientId(other, rules), false, other)

  const limited = await setUp(t, document({}), { domains: ['example.com'] })
  t.match(await limited.authorize(CLIENT_ID), { status: 400, body: { error: 'invalid_client' } })
  t.equal(limited.documents.connections(), 0)
  const open = await setUp(t, document({}), { domains: ['document.test'] })
  t.equal((await open.authorize(CLIENT_ID)).status, 303)
})

t.test('a client whose codes go to another site is noticed once, and let through', async (t) => {
  const noticed: unknown[] = []
  const { authorize } = await setUp(t, document({ redirect_uris: [REDIRECT_URI, 'https://other.test/cb'] }), {
    onForeignRedirects: (clientId, hosts) => noticed.push([clientId, hosts]),
  })
  t.equal((await authorize(CLIENT_ID, 'https://other.test/cb')).status, 303)
  t.equal((await authorize(CLIENT_ID)).status, 303)
  t.same(noticed, [[CLIENT_ID, ['other.test']]])
})

t.test('sites are told apart by their last two labels, this computer is none', async (t) => {
  const hosts = (uris: string[]) => foreignRedirectHosts('https://app.example.com/client.json', uris)
  t.same(
    hosts(['https://example.com/cb', 'https://b.example.com:8443/cb', 'http://localhost/cb', 'cursor://cb']),
    [],
  )
  t.same(hosts(['https://example.org/1', 'https://example.org/2', 'https://evilexample.com/']), [
    'example.org',
    'evilexample.com',
  ])
})

t.test(
  'a client that signs is authenticated by the keys of its document, fetched once for many requests',
  async (t) => {
    const { privateKey, publicKey } = await generateKeyPair('RS256')
    const stranger = await generateKeyPair('RS256')
    const keys = { keys: [{ ...(await exportJWK(publicKey)), kid: 'k1', alg: 'RS256', use: 'sig' }] }
    const jwks_uri = 'https://keys.document.test/jwks.json'
    const signing = {
      token_endpoint_auth_method: 'private_key_jwt',
      token_endpoint_auth_signing_alg: 'RS256',
      jwks_uri,
    }
    const { documents, server } = await setUp(
      t,
      serving({ [CLIENT_ID]: { ...DOCUMENT, ...signing }, [jwks_uri]: keys }),
    )

    let serial = 0
    const redeem = async (key: CryptoKey) => {
      const assertion = await new SignJWT({ jti: String(serial++) })
        .setProtectedHeader({ alg: 'RS256', kid: 'k1' })
        .setIssuer(CLIENT_ID)
        .setSubject(CLIENT_ID)
        .setAudience(server.origin)
        .setIssuedAt()
        .setExpirationTime('1m')
        .sign(key)
      return postForm(`${server.origin}/token`, {
        grant_type: 'authorization_code',
        code: 'unknown',
        redirect_uri: REDIRECT_URI,
        code_verifier: 'v'.repeat(43),
        client_id: CLIENT_ID,
        client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
        client_assertion: assertion,
      })
    }
    // The code does not exist: what matters is how far the request came.
    t.match(await redeem(privateKey), { status: 400, body: { error: 'invalid_grant' } })
    t.match(await redeem(privateKey), { status: 400, body: { error: 'invalid_grant' } })
    t.match(await redeem(stranger.privateKey), { status: 401, body: { error: 'invalid_client' } })
    t.equal(documents.requests.filter(({ url }) => url === '/jwks.json').length, 1)
  },
)
