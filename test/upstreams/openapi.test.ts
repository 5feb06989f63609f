// Owns the promises about HTTP APIs as upstreams: their operations are tools, calls reach what was meant and nothing else.

import { join } from 'node:path'
import t from 'tap'
import { createConnections } from '../../src/http/connections.ts'
import { parseUnrounded } from '../../src/mcp/exact-json.ts'
import { type PeerAnswer, PeerFailure, type Visitor } from '../../src/mcp/peer.ts'
import { isRecord, type Members, type RpcNotification } from '../../src/mcp/rpc.ts'
import { createOpenApiPeer, type OpenApiPeerNeeds } from '../../src/upstreams/openapi/peer.ts'
import type { ApiProblem } from '../../src/upstreams/openapi/problem.ts'
import type { OpenApiSettings } from '../../src/upstreams/settings.ts'
import { apiUpstream } from '../support/api-upstream.ts'
import { startHostileUpstream } from '../support/hostile-upstream.ts'
import { openLinks } from '../support/links.ts'
import { SHOP_3_0, SHOP_3_1, startShop } from '../support/shop-api.ts'
import { until } from '../support/until.ts'

const UNUSABLE = new PeerFailure('unreachable', {
  description: 'The OpenAPI document of this server cannot be used.',
})
const VISITOR: Visitor = {
  caller: {
    subject: 'usr_alice',
    clientId: 'client-1',
    grantId: null,
    scopes: new Set(['shop']),
    resource: 'https://gate.example/mcp/shop',
    consentedAt: null,
    issuedAt: 0,
    expiresAt: 0,
    groups: new Set(),
  },
  clientInfo: null,
  capabilities: {},
  logLevel: null,
  trace: {},
}

function stage(
  t: { teardown(close: () => unknown): unknown },
  settings: Partial<OpenApiSettings> & { readonly document: string },
  needs: Partial<OpenApiPeerNeeds> = {},
) {
  const connections = createConnections()
  const problems: ApiProblem[] = []
  const peer = createOpenApiPeer({
    upstream: apiUpstream(settings),
    connections,
    credentialFor: () => ({ kind: 'none' }),
    report: (problem) => void problems.push(problem),
    ...needs,
  })
  t.teardown(async () => {
    peer.close()
    await connections.close()
  })
  const signal = new AbortController().signal
  const ask = (method: string, params: Members = {}) =>
    peer.request(
      VISITOR,
      { method, params, inputResponses: null, requestState: null },
      { signal, notify: () => undefined },
    )
  const tools = async () => {
    const { tools: listed } = resultOf(await ask('tools/list'))
    return new Map(
      (Array.isArray(listed) ? listed : []).map((tool: { name: string } & Members) => [tool.name, tool]),
    )
  }
  const call = async (name: string, given: Members = {}) =>
    resultOf(await ask('tools/call', { name, arguments: given }))
  return { peer, ask, tools, call, problems }
}

function resultOf(answer: PeerAnswer): Members {
  if (answer.kind === 'result') return answer.result
  throw new Error(answer.error.message)
}

function textOf({ content }: Members): string {
  const [first]: readonly unknown[] = Array.isArray(content) ? content : []
  return isRecord(first) && typeof first.text === 'string' ? first.text : ''
}

t.test(
  'a number of more digits than JavaScript has reaches the API, and comes back, as it was written',
  async (t) => {
    const api = await startHostileUpstream(t)
    const { origin } = new URL(api.url)
    const long = { type: 'integer', format: 'int64', minimum: 1 }
    const at = (name: string, place: string) => ({ name, in: place, required: true, schema: long })
    const content = { 'application/json': { schema: { type: 'object', properties: { to: long } } } }
    const post = {
      operationId: 'move',
      parameters: [at('id', 'path'), at('of', 'query')],
      requestBody: { required: true, content },
    }
    const document = { openapi: '3.1.0', info: { title: 'a', version: '1' }, paths: { '/{id}': { post } } }
    api.answer(({ path }, res) =>
      path === '/openapi'
        ? res.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(document))
        : res.writeHead(200, { 'content-type': 'application/json' }).end('{"to":9007199254740993}'),
    )
    const { call } = stage(t, { document: `${origin}/openapi`, writes: true })
    const given = parseUnrounded(
      '{"id":9007199254740993,"of":9007199254740995,"body":{"to":9007199254740997}}',
    )
    const result = await call('move', isRecord(given) ? given : {})
    t.match(JSON.stringify(result), '"structuredContent":{"to":9007199254740993}')
    const [, moved] = api.arrivals
    t.equal(moved?.path, '/9007199254740993?of=9007199254740995')
    t.equal(moved?.body, '{"to":9007199254740997}')
    const wrong = parseUnrounded('{"id":-9007199254740993,"of":1,"body":{}}')
    t.match(textOf(await call('move', isRecord(wrong) ? wrong : {})), 'must be >= 1')
  },
)

t.test('the operations of a document are tools, those that only read unless more is wanted', async (t) => {
  const shop = await startShop(t)
  shop.serve(SHOP_3_0)
  const document = `${shop.origin}/openapi`
  const reading = stage(t, { document })
  t.same([...(await reading.tools()).keys()], ['listPets', 'getPet'])
  const all = await stage(t, { document, writes: true }).tools()
  t.same([...all.keys()], ['listPets', 'addPet', 'getPet', 'replacePet', 'deletePet'])
  t.match(all.get('getPet'), {
    title: 'Get a pet',
    description: 'One pet, with everything about it.',
    annotations: { readOnlyHint: true },
  })
  t.match(all.get('deletePet'), {
    annotations: { readOnlyHint: false, destructiveHint: true, idempotentHint: true },
  })
  t.match(all.get('addPet'), {
    annotations: { readOnlyHint: false, destructiveHint: true, idempotentHint: false },
  })
  t.match(await reading.peer.discover(VISITOR, new AbortController().signal), {
    serverInfo: { name: 'Shop', version: '1.2.3' },
    instructions: 'Sells pets.',
    capabilities: { tools: {} },
  })
  const answer = await reading.ask('resources/list')
  t.match(answer, { kind: 'error', error: { code: -32601 } })
})

t.test('an operator selects operations by name, by method and by path', async (t) => {
  const document = join(t.testdir({ 'shop.yaml': SHOP_3_0 }), 'shop.yaml')
  const names = async (operations: readonly string[], writes = true) => [
    ...(await stage(t, { document, url: 'http://127.0.0.1:9', operations, writes }).tools()).keys(),
  ]
  t.same(await names(['*Pet']), ['addPet', 'getPet', 'replacePet', 'deletePet'])
  t.same(await names(['*Pet'], false), ['getPet'])
  t.same(await names(['GET /pets/*']), ['getPet'])
  t.same(await names(['/pets']), ['listPets', 'addPet'])
  t.same(await names(['!DELETE *', '!listPets']), ['addPet', 'getPet', 'replacePet'])
  t.same(await names(['*Pet', '!get*']), ['addPet', 'replacePet', 'deletePet'])
  await t.rejects(names(['nothing']), UNUSABLE)
})

t.test('schemas are JSON Schema that stands for itself', async (t) => {
  const document = join(t.testdir({ 'shop.yaml': SHOP_3_0 }), 'shop.yaml')
  const tools = await stage(t, { document, url: 'http://127.0.0.1:9', writes: true }).tools()
  t.same(tools.get('addPet')?.inputSchema, {
    type: 'object',
    properties: { body: { $ref: '#/$defs/Pet' } },
    required: ['body'],
    additionalProperties: false,
    $defs: {
      Pet: {
        type: 'object',
        required: ['name'],
        properties: {
          name: { type: 'string' },
          parent: { $ref: '#/$defs/Pet' },
          owner: { type: ['string', 'null'] },
        },
      },
    },
  })
  t.match(tools.get('listPets')?.inputSchema, {
    properties: { kind: { type: ['string', 'null'] }, age: { type: 'number', exclusiveMinimum: 0 } },
  })
})

t.test('a call sends what is declared to where it belongs', async (t) => {
  const shop = await startShop(t)
  shop.serve(SHOP_3_0)
  const document = `${shop.origin}/openapi`
  const { call } = stage(t, {
    document,
    url: `${shop.origin}/api/?tenant=7`,
    writes: true,
    headers: { 'x-api-key': 'ours', cookie: 'a=b' },
  })
  const last = () => shop.arrivals.at(-1)
  t.match(await call('listPets', { kind: 'cat', tags: ['a b', 'c&d'] }), {
    resultType: 'complete',
    structuredContent: { method: 'GET', target: '/api/pets?tenant=7&kind=cat&tags=a%20b&tags=c%26d' },
  })
  await call('getPet', { petId: 'a/b?c#d', 'X-Trace': 't', session: 's;x=y', 'X-Api-Key': 'theirs' })
  t.match(last(), {
    target: '/api/pets/a%2Fb%3Fc%23d?tenant=7',
    headers: { 'x-trace': 't', cookie: 'a=b; session=s%3Bx%3Dy', 'x-api-key': 'ours' },
  })
  await call('addPet', { body: { name: 'Rex' } })
  t.match(last(), { method: 'POST', body: '{"name":"Rex"}', headers: { 'content-type': 'application/json' } })
  await call('deletePet', { petId: '1' })
  t.match(last(), { method: 'DELETE', target: '/api/pets/1?tenant=7', body: '' })
})

t.test('each style of a parameter is written as OpenAPI says', async (t) => {
  const shop = await startShop(t)
  const { call, tools } = stage(t, { document: `${shop.origin}/openapi`, writes: true })
  t.same([...(await tools()).keys()], ['getPet', 'get_search', 'probe', 'note', 'form'])
  const targetOf = async (given: Members) => {
    await call('get_search', given)
    return shop.arrivals.at(-1)?.target
  }
  t.equal(await targetOf({}), '/v1/search')
  t.equal(await targetOf({ filter: { a: 1, 'b c': 'x' } }), '/v1/search?filter%5Ba%5D=1&filter%5Bb%20c%5D=x')
  t.equal(await targetOf({ ids: [1, 2] }), '/v1/search?ids=1,2')
  t.equal(await targetOf({ pipes: ['a', 'b|c'] }), '/v1/search?pipes=a|b%7Cc')
  t.equal(await targetOf({ page: { size: 3, admin: true } }), '/v1/search?size=3')
  t.equal(await targetOf({ where: { a: [1] } }), '/v1/search?where=%7B%22a%22%3A%5B1%5D%7D')
  await call('note', { body: 'Buy milk' })
  t.match(shop.arrivals.at(-1), { body: 'Buy milk', headers: { 'content-type': 'text/plain' } })
  await call('form', { body: { a: 'b c', d: [1, 2] } })
  t.match(shop.arrivals.at(-1), { method: 'PATCH', body: 'a=b+c&d=1&d=2' })
  t.match(await call('probe'), { content: [{ text: 'Done (200).' }] })
  t.match(shop.arrivals.at(-1), { method: 'HEAD' })
})

t.test('no argument leads to another place', async (t) => {
  const shop = await startShop(t)
  const { call } = stage(t, { document: `${shop.origin}/openapi` })
  for (const petId of [
    '..',
    '.',
    '../admin',
    'a/../b',
    '..\\admin',
    '%2e%2e',
    '%2e%2e%2fadmin',
    '%252e%252e%252f',
    '',
    '\ud800/..',
  ]) {
    t.match(await call('getPet', { petId }), { isError: true }, JSON.stringify(petId))
  }
  t.same(shop.arrivals, [])
  for (const petId of ['...', 'a..b', '@evil', '//evil.example', '\ud800', 'ü', '1'])
    t.match(await call('getPet', { petId }), { content: [{}] }, petId)
  t.ok(shop.arrivals.every(({ target }) => /^\/v1\/pets\/[^/?#]+$/.test(target)))
})

t.test('arguments that are not declared, missing or of no use are told to whoever called', async (t) => {
  const shop = await startShop(t)
  shop.serve(SHOP_3_0)
  const { call, ask } = stage(t, { document: `${shop.origin}/openapi`, writes: true })
  const cases: readonly [string, Members, RegExp][] = [
    ['getPet', {}, /"petId" is missing/],
    ['getPet', { petId: '1', admin: true }, /no argument "admin"/],
    ['getPet', { petId: '1', Authorization: 'Bearer x' }, /no argument "Authorization"/],
    ['getPet', { petId: '1', 'X-Trace': 'a\r\nx-evil: 1' }, /cannot be sent/],
    ['getPet', { petId: [{}] }, /nested too deeply/],
    ['addPet', {}, /"body" is missing/],
  ]
  for (const [name, given, text] of cases) {
    const result = await call(name, given)
    t.match(result, { isError: true })
    t.match(textOf(result), text)
  }
  t.same(shop.arrivals, [])
  t.match(await ask('tools/call', { name: 'nothing' }), { kind: 'error', error: { code: -32602 } })
  t.match(await ask('tools/call', { name: 'getPet', arguments: [] }), {
    kind: 'error',
    error: { code: -32602 },
  })
  t.notOk((await call('getPet', { petId: '1' })).isError)
})

t.test('what a person is known by at the API is presented for that person', async (t) => {
  const shop = await startShop(t)
  const credentialFor: OpenApiPeerNeeds['credentialFor'] = ({ subject }) => ({
    kind: 'header',
    name: 'Authorization',
    value: `Bearer ${subject}`,
  })
  const { call } = stage(
    t,
    { document: `${shop.origin}/openapi`, headers: { authorization: 'Basic static' } },
    { credentialFor },
  )
  await call('getPet', { petId: '1' })
  t.equal(shop.arrivals[0]?.headers.authorization, 'Bearer usr_alice')
  shop.answer((res) => void res.writeHead(401).end())
  await t.rejects(call('getPet', { petId: '1' }), new PeerFailure('credentials'), 'so that it can be renewed')
})

t.test('an answer of any kind is a result, and none is larger than may be', async (t) => {
  const shop = await startShop(t)
  const { call } = stage(t, { document: `${shop.origin}/openapi` }, { maxBytes: 1000 })
  const answered = async (
    status: number,
    type: string,
    body: string | Buffer,
    headers: Record<string, string> = {},
  ) => {
    shop.answer((res) => void res.writeHead(status, { 'content-type': type, ...headers }).end(body))
    return call('getPet', { petId: '1' })
  }
  t.match(await answered(200, 'application/json', '[1]'), { content: [{ text: '[1]' }] })
  t.equal((await answered(200, 'application/json', '[1]')).structuredContent, undefined)
  t.match(await answered(200, 'application/problem+json; charset=utf-8', '{"a":1}'), {
    structuredContent: { a: 1 },
  })
  t.match(await answered(200, 'text/html', '<p>'), { content: [{ type: 'text', text: '<p>' }] })
  t.match(await answered(200, 'image/png', Buffer.from([1, 2])), {
    content: [{ type: 'image', data: 'AQI=', mimeType: 'image/png' }],
  })
  t.match(await answered(200, 'application/pdf', 'x'), {
    content: [{ type: 'resource', resource: { blob: 'eA==' } }],
  })
  t.match(await answered(200, 'application/json', 'x'.repeat(2000)), { isError: true })
  t.match(await answered(200, 'application/json', '', { 'content-encoding': 'gzip' }), { isError: true })
  t.match(textOf(await answered(404, 'application/json', '{"why":"no such pet"}')), /404.*no such pet/)
  t.match(textOf(await answered(500, 'text/html', 'stack trace')), /\(500\)\.$/)
  const secret = { 'www-authenticate': 'Basic realm="internal"', location: 'http://10.0.0.1/secret' }
  t.equal(
    textOf(await answered(401, 'text/plain', 'key k-123 is wrong', secret)),
    'The API does not accept what it is shown (401).',
  )
  t.match(textOf(await answered(302, 'text/plain', '', secret)), /redirect \(302\)/)
  t.equal(shop.arrivals.filter(({ target }) => target.includes('secret')).length, 0)
  t.match(await answered(200, 'application/json', '{}'), { structuredContent: {} })
})

t.test('a document that cannot be used is a reason, not a crash, and a later one is taken', async (t) => {
  const shop = await startShop(t)
  const { paths } = SHOP_3_1
  const clock = { now: 0 }
  const cases: readonly [string | object, RegExp, string?][] = [
    ['', /not an object/],
    ['{', /not JSON/, 'line 1, column 2'],
    ['{\n "key": "s3cret",\n oops }', /not JSON/, 'line 3, column 2'],
    ['a: [', /neither JSON nor YAML/, 'line 1, column 5'],
    [{ openapi: '3.1.0' }, /not valid OpenAPI/, '/'],
    [{ ...SHOP_3_1, info: { title: 'Shop' } }, /\/info must have required property 'version'/, '/info'],
    [
      { ...SHOP_3_1, paths: { '/x': { $ref: 'http://127.0.0.1:9/other.json#/x' } } },
      /not valid OpenAPI: .*only internal refs are supported\.$/,
      '/',
    ],
    [{ ...SHOP_3_1, servers: [{ url: 'https://evil.example' }] }, /not at the origin/, 'servers'],
    [{ ...SHOP_3_1, servers: [{ url: 'file:///etc' }] }, /where the API is/, 'servers'],
    [{ ...SHOP_3_1, paths: {} }, /No operation/, 'operations'],
  ]
  for (const [document, why, part = 'openapi'] of cases) {
    shop.serve(document)
    const { tools, problems } = stage(t, { document: `${shop.origin}/openapi` })
    await t.rejects(tools(), UNUSABLE)
    t.match(problems, [{ of: 'document', why, part, advice: /^[A-Z].+\.$/, kept: false }], String(why))
    t.notMatch(JSON.stringify(problems), 's3cret')
  }
  const missing = stage(t, { document: '/does/not/exist.yaml' }, { clock: () => clock.now })
  await t.rejects(missing.tools(), UNUSABLE)
  t.match(missing.problems, [{ part: 'openapi', why: /cannot be had \(ENOENT\)/, advice: /openapi/ }])
  clock.now += 10_000
  await t.rejects(missing.tools(), UNUSABLE)
  t.equal(missing.problems.length, 1, 'the same is told once')
  shop.serve('nonsense')
  const later = stage(t, { document: `${shop.origin}/openapi` }, { clock: () => clock.now })
  await t.rejects(later.tools())
  shop.serve({ ...SHOP_3_1, paths })
  await t.rejects(later.tools())
  clock.now += 10_000
  t.ok((await later.tools()).has('getPet'))
})

t.test('an operation that cannot be offered is named, with the way to do without it', async (t) => {
  const shop = await startShop(t)
  const odd = { responses: { 200: { description: 'ok' } } }
  shop.serve({ ...SHOP_3_1, paths: { ...SHOP_3_1.paths, '/odd/{id}': { get: odd } } })
  const { tools, problems } = stage(t, { document: `${shop.origin}/openapi` })
  t.ok((await tools()).has('getPet'))
  t.match(problems, [{ of: 'operation', part: 'GET /odd/{id}', why: /path/, advice: /"!GET \/odd\/\{id\}"/ }])
  const without = stage(t, { document: `${shop.origin}/openapi`, operations: ['!GET /odd/{id}'] })
  t.ok((await without.tools()).has('getPet'))
  t.same(without.problems, [])
})

t.test(
  'whether the API itself is there is asked of it, without a credential and without an operation',
  async (t) => {
    const shop = await startShop(t)
    const headers = { 'x-api-key': 'k' }
    const { ask, peer } = stage(t, { document: `${shop.origin}/openapi`, url: `${shop.origin}/v1`, headers })
    const refused = () => ask('server/discover').catch((error: unknown) => error)
    shop.answer((res) => void res.writeHead(404).end())
    t.match(await ask('server/discover'), { kind: 'result' }, 'nothing at its base is an answer')
    t.match(shop.arrivals, [{ method: 'HEAD', target: '/v1' }])
    t.equal(shop.arrivals[0]?.headers['x-api-key'], undefined)
    shop.answer((res) => void res.writeHead(503).end())
    t.match(await refused(), { reason: 'unreachable', description: /API/ })
    shop.answer((res) => void res.destroy())
    t.match(await refused(), { reason: 'unreachable', description: /API/ })
    t.match(await peer.discover(VISITOR, new AbortController().signal), { serverInfo: { name: 'Shop' } })
  },
)

t.test('a stranger’s document does not get our headers', async (t) => {
  const [shop, docs] = [await startShop(t), await startShop(t)]
  let shown: unknown
  docs.serve(SHOP_3_1)
  const { call } = stage(t, {
    document: `${docs.origin}/openapi`,
    url: shop.origin,
    headers: { 'x-api-key': 'k' },
  })
  docs.answer((_, arrival) => {
    shown = arrival.headers['x-api-key']
  })
  await call('getPet', { petId: '1' })
  t.equal(shown, undefined)
  t.same(docs.arrivals, [])
  t.equal(shop.arrivals[0]?.headers['x-api-key'], 'k')
})

t.test('another document is another list, which who listens is told', async (t) => {
  const shop = await startShop(t)
  const { peer, tools } = stage(t, { document: `${shop.origin}/openapi` }, { refreshMs: 30 })
  t.equal((await tools()).size, 3)
  const heard: RpcNotification[] = []
  const leaving = new AbortController()
  const listening = peer.listen(
    VISITOR,
    { toolsListChanged: true, promptsListChanged: true },
    { signal: leaving.signal, notify: (each) => void heard.push(each) },
  )
  t.match(heard, [
    {
      method: 'notifications/subscriptions/acknowledged',
      params: { notifications: { toolsListChanged: true } },
    },
  ])
  shop.serve({ ...SHOP_3_1, paths: { '/search': SHOP_3_1.paths['/search'] } })
  await until('a change', () => heard.length > 1)
  t.match(heard[1], { method: 'notifications/tools/list_changed' })
  t.same([...(await tools()).keys()], ['get_search', 'probe'])
  shop.serve('nonsense')
  await new Promise((resolve) => setTimeout(resolve, 100))
  t.equal((await tools()).size, 2)
  leaving.abort()
  await listening
})

t.test('names are short, clean, and nobody else’s', async (t) => {
  const shop = await startShop(t)
  const operation = (operationId?: string) => ({
    ...(operationId && { operationId }),
    responses: { 200: { description: 'ok' } },
  })
  const paths = {
    '/a': { get: operation('get pet!') },
    '/b': { get: operation('get-pet') },
    '/c': { get: operation('get_pet') },
    '/d': { get: operation('x'.repeat(100)) },
    '/e/{a}/f.json': {
      get: {
        ...operation(),
        parameters: [
          { name: 'a', in: 'path', required: true, schema: {} },
          { name: 'a', in: 'query', schema: {} },
          { name: 'filter[x y]', in: 'query', schema: {} },
        ],
      },
    },
    '/ü': { get: operation('ü') },
  }
  shop.serve({ ...SHOP_3_1, paths })
  const { tools, call } = stage(t, { document: `${shop.origin}/openapi` })
  const names = [...(await tools()).keys()]
  t.ok(
    names.every((name) => /^[A-Za-z0-9_-]{1,64}$/.test(name)),
    names.join(),
  )
  t.match(names, [
    /^get_pet_[0-9a-f]{8}$/,
    'get-pet',
    /^get_pet_[0-9a-f]{8}$/,
    /^x{55}_[0-9a-f]{8}$/,
    'get_e_a_f_json',
    /^_[0-9a-f]{8}$/,
  ])
  const properties = (await tools()).get('get_e_a_f_json')?.inputSchema
  const given = Object.keys(
    isRecord(properties) && isRecord(properties.properties) ? properties.properties : {},
  )
  t.match(given, [/^a_[0-9a-f]{8}$/, /^a_[0-9a-f]{8}$/, 'filter_x_y'])
  await call('get_e_a_f_json', Object.fromEntries(given.map((name, at) => [name, at])))
  t.equal(shop.arrivals[0]?.target, '/v1/e/0/f.json?a=1&filter%5Bx%20y%5D=2')
  shop.serve({ ...SHOP_3_1, paths: { '/c': paths['/c'], '/b': paths['/b'] } })
  t.same([...(await stage(t, { document: `${shop.origin}/openapi` }).tools()).keys()], ['get_pet', 'get-pet'])
})

function documentOf(schema: object, place: object = {}): string {
  return JSON.stringify({
    openapi: '3.1.0',
    info: { title: 'Desk', version: '1' },
    ...place,
    paths: {
      '/tickets': {
        post: {
          operationId: 'open',
          parameters: [{ name: 'copies', in: 'query', schema: { type: 'integer', minimum: 1 } }],
          requestBody: { required: true, content: { 'application/json': { schema } } },
          responses: { 200: { description: 'ok' } },
        },
      },
    },
  })
}

t.test('arguments are checked before anything is sent, and a mistake names its argument', async (t) => {
  const desk = await startHostileUpstream(t)
  const ticket = {
    type: 'object',
    required: ['id', 'title'],
    properties: {
      id: { type: 'string', readOnly: true },
      title: { type: 'string', pattern: '^[A-Z]' },
      tags: { type: 'array', items: { enum: ['bug', 'wish'] } },
    },
  }
  const document = join(t.testdir({ 'desk.json': documentOf(ticket) }), 'desk.json')
  const { call } = stage(t, { document, url: desk.url, writes: true })
  const good = { title: 'Broken', tags: ['bug'] }
  for (const [given, said] of [
    [{ copies: 'two', body: good }, 'The argument "copies" must be integer.'],
    [{ copies: 0, body: good }, 'The argument "copies" must be >= 1.'],
    [{ body: 'Broken' }, 'The argument "body" must be object.'],
    [{ body: {} }, 'The argument "body" must have required property \'title\'.'],
    [{ body: { title: 'broken' } }, 'The argument "body", at /title, must match pattern "^[A-Z]".'],
    [
      { body: { ...good, tags: ['bug', 'x'] } },
      'The argument "body", at /tags/1, must be equal to one of the allowed values: "bug","wish".',
    ],
  ] as const) {
    const result = await call('open', given)
    t.match(result, { isError: true })
    t.equal(textOf(result), said)
  }
  t.equal(desk.arrivals.length, 0, 'nothing was sent')
  t.notOk((await call('open', { copies: null, body: good })).isError, 'what is read-only need not be written')
  t.equal(desk.arrivals.length, 1)
})

t.test('a schema that cannot be checked by, or not quickly, leaves its argument to the API', async (t) => {
  const desk = await startHostileUpstream(t)
  const definitions = Object.fromEntries(
    Array.from({ length: 40 }, (_, at) => {
      const next = { $ref: `#/components/schemas/s${at + 1}` }
      return [`s${at}`, { allOf: [next, next] }]
    }),
  )
  const components = { components: { schemas: { ...definitions, s40: { type: 'string' } } } }
  const laughs = { $ref: '#/components/schemas/s0' }
  for (const schema of [laughs, { type: 'string', pattern: '^(?=a)' }]) {
    const file = join(t.testdir({ 'desk.json': documentOf(schema, components) }), 'desk.json')
    const { call } = stage(t, { document: file, url: desk.url, writes: true })
    t.notOk((await call('open', { body: 'x' })).isError)
    t.equal(textOf(await call('open', { copies: 'x', body: 'x' })), 'The argument "copies" must be integer.')
  }
})

t.test('a document of OpenAPI 2.0 is read as what it means in 3.1', async (t) => {
  const desk = await startHostileUpstream(t)
  const text = JSON.stringify({
    swagger: '2.0',
    info: { title: 'Desk', version: '1' },
    host: new URL(desk.url).host,
    basePath: '/v2',
    schemes: ['http'],
    paths: {
      '/tickets/{id}': {
        get: {
          operationId: 'read',
          parameters: [{ name: 'id', in: 'path', required: true, type: 'integer' }],
          responses: { 200: { description: 'ok' } },
        },
      },
    },
  })
  const { call } = stage(t, { document: join(t.testdir({ 'desk.json': text }), 'desk.json') })
  t.notOk((await call('read', { id: 7 })).isError)
  t.equal(desk.arrivals[0]?.path, '/v2/tickets/7')
  t.equal(textOf(await call('read', { id: 'seven' })), 'The argument "id" must be integer.')
})

t.test('an API is waited for, and read, as far as the limits say', async (t) => {
  const desk = await startHostileUpstream(t)
  desk.answer((arrival, res) => {
    if (arrival.path.includes('copies=1')) return
    res.writeHead(200, { 'content-type': 'text/plain' }).end('x'.repeat(2000))
  })
  const document = join(t.testdir({ 'desk.json': documentOf({ type: 'string' }) }), 'desk.json')
  const { limits } = apiUpstream({ document })
  const upstream = {
    ...apiUpstream({ document, url: desk.url, writes: true }),
    limits: { ...limits, firstByteTimeoutMs: 1500 },
  }
  const peer = openLinks(t, { maxAnswerBytes: 1000 }).peerOf(upstream)
  const ask = (copies: number) => {
    const params = { name: 'open', arguments: { copies, body: 'x' } }
    const request = { method: 'tools/call', params, inputResponses: null, requestState: null }
    return peer.request(VISITOR, request, { signal: new AbortController().signal, notify: () => undefined })
  }
  await t.rejects(ask(1), new PeerFailure('timed_out'))
  t.match(textOf(resultOf(await ask(2))), /more than 1000 bytes/)
})
