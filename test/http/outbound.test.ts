// Owns the proofs that the outbound fetch reaches public documents and nothing else.

import { once } from 'node:events'
import { createServer } from 'node:net'
import t, { type Test } from 'tap'
import { getGlobalDispatcher, ProxyAgent, setGlobalDispatcher } from 'undici'
import { createOutboundFetch, OutboundError, type OutboundOptions } from '../../src/http/outbound.ts'
import { type Answer, reaching, serving, startDocumentServer } from '../support/documents.ts'

const URL_OF_DOCUMENT = 'https://document.test/client.json'
const DOCUMENT = { client_id: URL_OF_DOCUMENT }

async function setUp(t: Test, answer: Answer = serving({ [URL_OF_DOCUMENT]: DOCUMENT })) {
  const server = await startDocumentServer(answer)
  t.teardown(() => server.close())
  const outbound = (options: Partial<OutboundOptions> = {}) =>
    createOutboundFetch({ ownOrigin: 'https://gate.test', ...reaching(server), ...options })
  return { server, outbound }
}

/** Fails in the one public way; returns what the log would say. */
async function failure(t: Test, response: Promise<Response>): Promise<string> {
  const error = await response.then(
    () => null,
    (cause: unknown) => cause,
  )
  if (!(error instanceof OutboundError)) throw new Error('not refused', { cause: error })
  t.equal(error.message, 'the document could not be fetched')
  return error.detail
}

t.test('a document is fetched, with its type and its lifetime', async (t) => {
  const { outbound } = await setUp(t, (_request, response) => {
    response.writeHead(200, {
      'content-type': 'application/json',
      'cache-control': 'max-age=60',
      'x-other': '1',
    })
    response.end(JSON.stringify(DOCUMENT))
  })
  const response = await outbound()(URL_OF_DOCUMENT)
  t.equal(response.status, 200)
  t.same(await response.json(), DOCUMENT)
  t.same(Object.fromEntries(response.headers), {
    'content-type': 'application/json',
    'cache-control': 'max-age=60',
  })
})

t.test('what goes out is always the same, whatever the caller adds', async (t) => {
  const { server, outbound } = await setUp(t)
  const headers = {
    cookie: 'a=1',
    authorization: 'Bearer x',
    referer: 'https://gate.test/',
    'user-agent': '',
  }
  t.equal((await outbound()(URL_OF_DOCUMENT, { headers })).status, 200)
  t.same(server.requests, [
    {
      url: '/client.json',
      headers: {
        host: 'document.test',
        connection: 'close',
        accept: 'application/json',
        'accept-encoding': 'identity',
        'user-agent': 'Gatehouse',
      },
    },
  ])
})

t.test('only GET goes out', async (t) => {
  const { server, outbound } = await setUp(t)
  await failure(t, outbound()(URL_OF_DOCUMENT, { method: 'POST', body: 'x' }))
  t.equal(server.connections(), 0)
  t.equal((await outbound()(URL_OF_DOCUMENT, { method: 'GET' })).status, 200)
})

const REFUSED_URLS = [
  ['plain http', 'http://document.test/client.json'],
  ['another port', 'https://document.test:8443/client.json'],
  ['a user name', 'https://me@document.test/client.json'],
  ['a fragment', 'https://document.test/client.json#x'],
  ['a backslash', 'https://document.test\\@127.0.0.1/client.json'],
  ['a host without a dot', 'https://localhost/client.json'],
  ['a trailing dot', 'https://localhost./client.json'],
  ['a trailing dot after a full name', 'https://document.test./client.json'],
  ['an escaped dot', 'https://document.test%2eevil.test/client.json'],
  ['a host in another script', 'https://d\u043ecument.test/client.json'],
  ['loopback', 'https://127.0.0.1/client.json'],
  ['a decimal spelling of loopback', 'https://2130706433/client.json'],
  ['a hexadecimal spelling of loopback', 'https://0x7f.1/client.json'],
  ['zero', 'https://0/client.json'],
  ['an odd spelling of a public address', 'https://16843009/client.json'],
  ['cloud metadata', 'https://169.254.169.254/client.json'],
  ['a private address', 'https://10.0.0.5/client.json'],
  ['carrier-grade NAT', 'https://100.64.0.1/client.json'],
  ['multicast', 'https://224.0.0.1/client.json'],
  ['IPv6 loopback', 'https://[::1]/client.json'],
  ['mapped loopback', 'https://[::ffff:7f00:1]/client.json'],
  ['NAT64 loopback', 'https://[64:ff9b::7f00:1]/client.json'],
  ['a unique local address', 'https://[fd00::1]/client.json'],
  ['this server', 'https://gate.test/.well-known/openid-configuration'],
  ['this server in capitals', 'https://GATE.test/.well-known/openid-configuration'],
  ['a relative reference', '/client.json'],
  ['a very long URL', `https://document.test/${'a'.repeat(2000)}`],
] as const

for (const [what, url] of REFUSED_URLS) {
  t.test(`nothing is connected for ${what}`, async (t) => {
    const { server, outbound } = await setUp(t)
    // Even where the address would be let through: the URL itself is refused.
    t.equal(await failure(t, outbound({ isAllowed: () => true })(url)), 'the URL may not be fetched')
    t.equal(server.connections(), 0)
  })
}

t.test('a URL may carry a query and the default port', async (t) => {
  const { outbound } = await setUp(t, serving({ 'https://document.test/client.json?v=2': DOCUMENT }))
  t.equal((await outbound()('https://document.test:443/client.json?v=2')).status, 200)
})

const SPECIAL = [
  '127.0.0.1',
  '169.254.169.254',
  '10.0.0.5',
  '::1',
  '::ffff:127.0.0.1',
  '64:ff9b::7f00:1',
  'fd00::1',
]

for (const address of SPECIAL) {
  t.test(`a name that leads to ${address} is not connected to`, async (t) => {
    const { server, outbound } = await setUp(t)
    // The real rule, not the test's exception for 127.0.0.1.
    const { isPublicAddress } = await import('../../src/http/addresses.ts')
    const guarded = outbound({ isAllowed: isPublicAddress, resolve: async () => [address] })
    t.equal(await failure(t, guarded(URL_OF_DOCUMENT)), 'the address is not public')
    t.equal(server.connections(), 0)
    t.equal((await outbound()(URL_OF_DOCUMENT)).status, 200)
  })
}

t.test('one address that is not allowed refuses the name, however many others are', async (t) => {
  const { server, outbound } = await setUp(t)
  for (const addresses of [
    ['127.0.0.1', '10.0.0.5'],
    ['10.0.0.5', '127.0.0.1'],
    ['127.0.0.1', '::1'],
  ]) {
    const mixed = outbound({ resolve: async () => addresses })
    t.equal(await failure(t, mixed(URL_OF_DOCUMENT)), 'the address is not public')
  }
  t.equal(server.connections(), 0)
  t.equal((await outbound({ resolve: async () => ['127.0.0.1', '127.0.0.1'] })(URL_OF_DOCUMENT)).status, 200)
})

t.test('the address that was checked is dialled, and the name is asked for once', async (t) => {
  const { server, outbound } = await setUp(t)
  let asked = 0
  // A rebinding name: the second answer would lead to a closed port on another address.
  const resolve = async () => (asked++ === 0 ? ['127.0.0.1'] : ['127.0.0.2'])
  t.equal((await outbound({ resolve })(URL_OF_DOCUMENT)).status, 200)
  t.equal(asked, 1)
  t.equal(server.connections(), 1)
})

t.test('when the first address does not answer, the next checked one is dialled', async (t) => {
  const { outbound } = await setUp(t)
  const both = outbound({ resolve: async () => ['127.0.0.9', '127.0.0.1'], isAllowed: () => true })
  t.equal((await both(URL_OF_DOCUMENT)).status, 200)
})

t.test('a name without an address is refused', async (t) => {
  const { outbound } = await setUp(t)
  t.equal(await failure(t, outbound({ resolve: async () => [] })(URL_OF_DOCUMENT)), 'the name has no address')
})

t.test('the certificate must be for the name, whatever the address', async (t) => {
  const { server, outbound } = await setUp(
    t,
    serving({ 'https://other.test/c': DOCUMENT, [URL_OF_DOCUMENT]: DOCUMENT }),
  )
  t.equal(await failure(t, outbound()('https://other.test/c')), 'ERR_TLS_CERT_ALTNAME_INVALID')
  t.equal(server.requests.length, 0)
  t.equal((await outbound()(URL_OF_DOCUMENT)).status, 200)
})

t.test('an authority that is not trusted is refused', async (t) => {
  const { server, outbound } = await setUp(t)
  const { ca: _ca, ...untrusted } = reaching(server)
  const strict = createOutboundFetch({ ownOrigin: 'https://gate.test', ...untrusted })
  t.equal(await failure(t, strict(URL_OF_DOCUMENT)), 'DEPTH_ZERO_SELF_SIGNED_CERT')
  t.equal((await outbound()(URL_OF_DOCUMENT)).status, 200)
})

for (const status of [301, 302, 303, 307, 308]) {
  t.test(`a ${status} is not followed`, async (t) => {
    const { server, outbound } = await setUp(t, (_request, response) => {
      response.writeHead(status, { location: 'https://document.test/elsewhere' }).end()
    })
    t.equal(await failure(t, outbound()(URL_OF_DOCUMENT)), `the answer was ${status}`)
    t.same(
      server.requests.map(({ url }) => url),
      ['/client.json'],
    )
  })
}

for (const status of [201, 204, 206, 400, 404, 500]) {
  t.test(`a ${status} is no document`, async (t) => {
    const { outbound } = await setUp(t, (_request, response) => response.writeHead(status).end('{}'))
    t.equal(await failure(t, outbound()(URL_OF_DOCUMENT)), `the answer was ${status}`)
  })
}

t.test('a document of the largest size is read, one byte more is not', async (t) => {
  const sizes: Record<string, number> = { '/most': 65_536, '/more': 65_537 }
  const { outbound } = await setUp(t, (request, response) =>
    response.end('x'.repeat(sizes[request.url ?? ''] ?? 0)),
  )
  t.equal((await (await outbound()('https://document.test/most')).text()).length, 65_536)
  t.equal(await failure(t, outbound()('https://document.test/more')), 'the document is too large')
})

t.test('a document without a length is cut off at the same size', async (t) => {
  let sent = 0
  const { outbound } = await setUp(t, (_request, response) => {
    response.writeHead(200)
    const more = () => {
      while (sent < 50_000_000 && !response.destroyed) {
        sent += 65_536
        if (!response.write(Buffer.alloc(65_536, 'x'))) return response.once('drain', more)
      }
    }
    more()
  })
  t.equal(await failure(t, outbound()(URL_OF_DOCUMENT)), 'UND_ERR_RES_EXCEEDED_MAX_SIZE')
  t.ok(sent < 50_000_000)
})

t.test('the size is configurable', async (t) => {
  const { outbound } = await setUp(t, (_request, response) => response.end('x'.repeat(20_000)))
  await failure(t, outbound({ maxBytes: 19_999 })(URL_OF_DOCUMENT))
  t.equal((await (await outbound({ maxBytes: 20_000 })(URL_OF_DOCUMENT)).text()).length, 20_000)
})

t.test('a compressed answer is refused', async (t) => {
  const { outbound } = await setUp(t, (_request, response) => {
    response.writeHead(200, { 'content-encoding': 'gzip' }).end('{}')
  })
  t.equal(await failure(t, outbound()(URL_OF_DOCUMENT)), 'the document is compressed')
})

t.test('endless headers are refused', async (t) => {
  const { outbound } = await setUp(t, (_request, response) => {
    response.writeHead(200, { 'x-long': 'x'.repeat(12_000) }).end('{}')
  })
  t.equal(await failure(t, outbound()(URL_OF_DOCUMENT)), 'UND_ERR_HEADERS_OVERFLOW')
})

t.test('one deadline holds for everything', async (t) => {
  const timeoutMs = 150
  const stall = createServer()
  stall.listen(0, '127.0.0.1')
  await once(stall, 'listening')
  t.teardown(() => stall.close())
  const address = stall.address()
  const stallPort = address !== null && typeof address === 'object' ? address.port : 0

  const { outbound } = await setUp(t, (request, response) => {
    if (request.url === '/headers') return
    response.writeHead(200)
    const drip = setInterval(() => response.write(' '), 20)
    response.on('close', () => clearInterval(drip))
  })
  const cases: [string, Partial<OutboundOptions>, string][] = [
    ['DNS', { resolve: () => new Promise(() => {}) }, 'dns'],
    ['TLS', { dialPort: stallPort }, 'tls'],
    ['headers', {}, 'headers'],
    ['body', {}, 'body'],
  ]
  for (const [what, options, path] of cases) {
    const started = performance.now()
    t.equal(
      await failure(t, outbound({ ...options, timeoutMs })(`https://document.test/${path}`)),
      'it took too long',
      what,
    )
    t.ok(performance.now() - started < timeoutMs + 5000, `${what} in time`)
  }
})

t.test('neither a proxy variable nor a global dispatcher comes in between', async (t) => {
  const { server, outbound } = await setUp(t)
  const proxy = createServer((socket) => {
    proxied += 1
    socket.destroy()
  })
  let proxied = 0
  proxy.listen(0, '127.0.0.1')
  await once(proxy, 'listening')
  t.teardown(() => proxy.close())
  const address = proxy.address()
  const uri = `http://127.0.0.1:${address !== null && typeof address === 'object' ? address.port : 0}`

  const before = getGlobalDispatcher()
  setGlobalDispatcher(new ProxyAgent(uri))
  const variables = ['HTTPS_PROXY', 'https_proxy', 'HTTP_PROXY', 'ALL_PROXY', 'NODE_USE_ENV_PROXY'] as const
  for (const name of variables) process.env[name] = name === 'NODE_USE_ENV_PROXY' ? '1' : uri
  t.teardown(() => {
    setGlobalDispatcher(before)
    for (const name of variables) delete process.env[name]
  })

  t.equal((await outbound()(URL_OF_DOCUMENT)).status, 200)
  t.equal(server.requests.length, 1)
  t.equal(proxied, 0)
})
