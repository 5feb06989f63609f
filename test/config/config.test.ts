// Owns the promises about the configuration as a whole: defaults, combinations, files, and every problem at once.

import { join, resolve } from 'node:path'
import t from 'tap'
import { loadConfig } from '../../src/config/config.ts'
import { blamed, configErrorOf, problemsOf } from './problems-of.ts'

const KEY = 'k'.repeat(32)

t.test('nothing has to be set', async (t) => {
  const dataDir = resolve('data')
  t.same(loadConfig({}), {
    publicUrl: 'http://localhost:8080',
    insecureHttp: false,
    host: '127.0.0.1',
    port: 8080,
    database: { kind: 'embedded', directory: join(dataDir, 'database') },
    dataDir,
    admin: null,
    upstreams: [],
    followedFiles: [],
    registration: 'open',
    initialAccessTokens: [],
    allowedRedirectHosts: null,
    allowedClientDomains: null,
    clientUnusedTtlSeconds: 7_776_000,
    accessTokenTtlSeconds: 600,
    refreshTokenTtlSeconds: 2_592_000,
    signingKeyRotationSeconds: 90 * 24 * 60 * 60,
    sessionIdleSeconds: 604_800,
    sessionMaxSeconds: 2_592_000,
    identityProviders: [],
    trustedIssuers: [],
    policy: null,
    policyText: null,
    trustProxy: false,
    allowedOrigins: [],
    maxBodyBytes: 10_485_760,
    answerCacheBytes: 32 * 1024 * 1024,
    maxHeaderBytes: 16_384,
    maxAnswerBytes: 268_435_456,
    maxHeldAnswerBytes: 134_217_728,
    perPerson: { rate: { times: 1000, seconds: 1 }, calls: 256, streams: 256 },
    perAddress: {
      refused: { times: 6000, seconds: 60 },
      failed: { times: 6000, seconds: 60 },
      authorize: { times: 600, seconds: 60 },
      register: { times: 60, seconds: 60 },
    },
    perClient: { rate: null, calls: null, streams: null },
    perUpstream: { calls: 1000, streams: 20_000 },
    redisUrl: null,
    logLevel: 'info',
    shutdownGraceMs: 10_000,
    workers: 1,
    metricsPort: null,
    otlpEndpoint: null,
  })
})

t.test('a blank variable counts as not set', async (t) => {
  t.same(
    loadConfig({ PORT: '', PUBLIC_URL: ' ', DATABASE_URL: '', ADMIN_EMAIL: '', UPSTREAM_NOTES_URL: '' }),
    loadConfig({}),
  )
})

t.test('variables of other programs are ignored', async (t) => {
  t.same(
    loadConfig({ HOME: '/root', UPSTREAM: 'x', SIGN_IN: 'x', SIGNIN_URL: 'x', PORTS: 'x' }),
    loadConfig({}),
  )
})

t.test('without PUBLIC_URL, the port is in the origin', async (t) => {
  t.equal(loadConfig({ PORT: '3000' }).publicUrl, 'http://localhost:3000')
  t.equal(loadConfig({ PORT: '80' }).publicUrl, 'http://localhost')
  t.equal(loadConfig({ PORT: '3000', PUBLIC_URL: 'https://gate.example' }).publicUrl, 'https://gate.example')
})

t.test('plain http on another host than this machine needs ALLOW_INSECURE_HTTP', async (t) => {
  const [problem] = problemsOf({ PUBLIC_URL: 'http://auth.test' })
  t.equal(problem?.variable, 'PUBLIC_URL')
  t.match(problem?.expected, /https.*ALLOW_INSECURE_HTTP=true/)
  t.match(loadConfig({ PUBLIC_URL: 'http://auth.test', ALLOW_INSECURE_HTTP: 'true' }), {
    insecureHttp: true,
    publicUrl: 'http://auth.test',
  })
  t.match(loadConfig({ PUBLIC_URL: 'https://auth.test', ALLOW_INSECURE_HTTP: 'true' }), {
    insecureHttp: false,
  })
})

t.test('DATABASE_URL needs SECRET_KEY', async (t) => {
  const database = { DATABASE_URL: 'postgres://u:p@db/x' }
  t.same(blamed(database), ['SECRET_KEY'])
  t.same(blamed({ ...database, SECRET_KEY: KEY }), [])
})

t.test('ADMIN_EMAIL and ADMIN_PASSWORD come together', async (t) => {
  const [email, password] = [{ ADMIN_EMAIL: 'ada@example.com' }, { ADMIN_PASSWORD: 'long enough' }]
  t.same(blamed(email), ['ADMIN_PASSWORD'])
  t.same(blamed(password), ['ADMIN_EMAIL'])
  t.same(loadConfig({ ...email, ...password }).admin, { email: 'ada@example.com', password: 'long enough' })
})

t.test(
  'REGISTRATION=token needs no token in the configuration, since one can be made by command',
  async (t) => {
    t.same(blamed({ REGISTRATION: 'token' }), [])
    t.same(blamed({ REGISTRATION: 'token', INITIAL_ACCESS_TOKENS: 't'.repeat(16) }), [])
  },
)

t.test('metrics have a port of their own', async (t) => {
  t.same(blamed({ METRICS_PORT: '9000', PORT: '9000' }), ['METRICS_PORT'])
  t.same(blamed({ METRICS_PORT: '9000', PORT: '9001' }), [])
})

t.test('every mistake is reported at once, with the name and what was expected', async (t) => {
  const error = configErrorOf({
    PORT: 'eighty',
    ACCESS_TOKEN_TTL: '10',
    ADMIN_EMAIL: 'ada@example.com',
    SECRET_KEY: 'short',
    UPSTREAMS: '{"notes": {"url": "ftp://notes"}, "Bad": {"url": "http://x"}}',
    UPSTREAM_NOTES_ULR: 'http://x',
    SIGN_IN_COMPANY_ISSUER: 'https://id.example',
    TRUST_PROXY_FILE: '/does/not/exist',
  })
  t.same(
    error?.problems.map(({ variable, at }) => [variable, at].filter(Boolean).join(' ')),
    [
      'UPSTREAM_NOTES_ULR',
      'TRUST_PROXY_FILE',
      'PORT',
      'SECRET_KEY',
      'ACCESS_TOKEN_TTL',
      'ADMIN_PASSWORD',
      'UPSTREAMS notes.url',
      'UPSTREAMS Bad',
      'SIGN_IN_COMPANY_CLIENT_ID',
      'SIGN_IN_COMPANY_CLIENT_SECRET',
    ],
  )
  t.match(error?.message, /^The configuration has 10 problems:\n/)
  t.match(error?.message, '\n  PORT: expected a whole number from 1 to 65535; got "eighty"\n')
})

t.test('a configuration with one problem says so', async (t) => {
  t.match(configErrorOf({ PORT: 'x' })?.message, /^The configuration has a problem:\n {2}PORT: expected/)
})

t.test('the values of secrets are never repeated', async (t) => {
  const canary = 'CaNaRy'
  const error = configErrorOf({
    DATABASE_URL: `mysql://u:${canary}@db/x`,
    SECRET_KEY: canary,
    ADMIN_PASSWORD: canary,
    INITIAL_ACCESS_TOKENS: canary,
    REDIS_URL: `http://:${canary}@redis`,
    PUBLIC_URL: `https://user:${canary}/${canary}@gate.example`,
    OTEL_EXPORTER_OTLP_ENDPOINT: `grpc://user:${canary}@collector`,
    UPSTREAMS: `{"notes": {"url": "http://u:${canary}@notes", "headers": {"A": "${canary}\\n", "B": ["${canary}"]}}, }`,
    UPSTREAM_A_URL: `ftp://${canary}`,
    UPSTREAM_A_HEADERS: `{"Authorization": ${canary}}`,
    UPSTREAM_B_URL: `http://x#${canary}`,
    UPSTREAM_B_HEADERS: `{"Authorization": "${canary}\\u0000"}`,
    UPSTREAM_B_TOKEN: canary,
    SIGN_IN_C_CLIENT_SECRET: canary,
    SIGN_IN_C_ISSUER: `http://u:${canary}@id`,
  })
  t.equal(error?.problems.length, 16)
  t.notMatch(error?.message, canary)
  t.notMatch(JSON.stringify(error?.problems), canary)
})

t.test('a long value is shortened, and control characters are escaped', async (t) => {
  const [long, control] = [problemsOf({ PORT: '9'.repeat(500) })[0], problemsOf({ PORT: '1\u001b[31m' })[0]]
  t.ok((long?.got.length ?? 500) < 100)
  t.equal(control?.got, '"1\\u001b[31m"')
})

t.test('the value of any variable may come from a file', async (t) => {
  const directory = t.testdir({
    port: '3000\n',
    windows: '\uFEFFdebug\r\n',
    password: ' with spaces \n',
    key: `${KEY}\n`,
    headers: '{"Authorization": "Bearer x"}\n',
  })
  const file = (name: string) => join(directory, name)
  const config = loadConfig({
    PORT_FILE: file('port'),
    LOG_LEVEL_FILE: file('windows'),
    ADMIN_EMAIL: 'ada@example.com',
    ADMIN_PASSWORD_FILE: file('password'),
    DATABASE_URL: 'postgres://db/x',
    SECRET_KEY_FILE: file('key'),
    UPSTREAM_NOTES_URL: 'http://notes/mcp',
    UPSTREAM_NOTES_HEADERS_FILE: file('headers'),
  })
  t.match(config, { port: 3000, logLevel: 'debug', admin: { password: ' with spaces ' } })
  t.match(config.upstreams, [{ headers: { authorization: 'Bearer x' } }])
})

t.test('a file that cannot be read is a problem of the variable that names it', async (t) => {
  const directory = t.testdir({
    empty: '\n',
    large: 'x'.repeat(1024 * 1024 + 1),
    bad: 'eighty\n',
    good: '80\n',
  })
  const got = (path: string) => problemsOf({ PORT_FILE: path })[0]
  t.match(got('/does/not/exist'), { variable: 'PORT_FILE', got: '"/does/not/exist", which does not exist' })
  t.match(got(directory), { variable: 'PORT_FILE', got: /a directory/ })
  t.match(got(join(directory, 'empty')), { variable: 'PORT_FILE', got: /empty/ })
  t.match(got(join(directory, 'large')), { variable: 'PORT_FILE', got: /larger/ })
  t.match(got(join(directory, 'bad')), { variable: 'PORT_FILE', got: '"eighty"' })
  t.equal(got(join(directory, 'good')), undefined)
})

t.test('a value and a file at once is a problem', async (t) => {
  const path = join(t.testdir({ port: '3000' }), 'port')
  t.match(problemsOf({ PORT: '3000', PORT_FILE: path }), [
    { variable: 'PORT', expected: 'either PORT or PORT_FILE', got: 'both' },
  ])
  t.same(blamed({ UPSTREAM_A_URL: 'http://a', UPSTREAM_A_URL_FILE: path }), ['UPSTREAM_A_URL'])
  t.equal(loadConfig({ PORT: '', PORT_FILE: path }).port, 3000)
})
