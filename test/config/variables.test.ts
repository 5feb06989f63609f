// Owns the promises about single variables: what is accepted, what it means, and what is refused.

import { resolve } from 'node:path'
import t from 'tap'
import { type Config, loadConfig } from '../../src/config/config.ts'
import type { Environment } from '../../src/config/given.ts'
import { blamed } from './problems-of.ts'

interface Rule {
  readonly variable: string
  readonly read: (config: Config) => unknown
  /** Text and what it means. */
  readonly accepted: readonly (readonly [string, unknown])[]
  readonly refused: readonly string[]
  /** What else has to be set. */
  readonly beside?: Environment
}

const KEY = 'k'.repeat(32)

const RULES: readonly Rule[] = [
  {
    variable: 'PUBLIC_URL',
    read: (config) => config.publicUrl,
    accepted: [
      ['https://gate.example.com', 'https://gate.example.com'],
      ['https://gate.example.com/', 'https://gate.example.com'],
      ['HTTPS://Gate.Example.COM:443/', 'https://gate.example.com'],
      ['https://gate.example.com:8443', 'https://gate.example.com:8443'],
      ['http://localhost:80', 'http://localhost'],
      ['http://127.0.0.1:3000', 'http://127.0.0.1:3000'],
      ['http://[::1]:3000', 'http://[::1]:3000'],
    ],
    refused: [
      'gate.example.com',
      'ftp://gate.example.com',
      'https://',
      'https:gate.example.com',
      'https://gate.example.com//',
      'https://gate.example.com/auth',
      'https://gate.example.com?x=1',
      'https://gate.example.com/?',
      'https://gate.example.com#x',
      'https://user@gate.example.com',
      'https://user:password@gate.example.com',
      'https://gate.example.com:99999',
      'https://*.example.com',
      'https://gate.example.com\\evil',
      'https://a.example.com, https://b.example.com',
      'http://gate.example.com',
      'http://10.0.0.1:8080',
      'http://0.0.0.0:8080',
      'http://localhost.example.com',
    ],
  },
  {
    variable: 'HOST',
    read: (config) => config.host,
    accepted: [
      ['0.0.0.0', '0.0.0.0'],
      ['localhost', 'localhost'],
      ['::', '::'],
      ['[::1]', '::1'],
      ['gate-1.internal', 'gate-1.internal'],
    ],
    refused: ['http://localhost', 'localhost:8080', '256.0.0.1', '1.2.3', 'a b', '-x'],
  },
  {
    variable: 'PORT',
    read: (config) => config.port,
    accepted: [
      ['1', 1],
      [' 3000 ', 3000],
      ['65535', 65_535],
    ],
    refused: ['0', '65536', '-1', '3000.5', '0x50', '1e3', 'http'],
  },
  {
    variable: 'ALLOW_INSECURE_HTTP',
    read: (config) => config.insecureHttp,
    accepted: [
      ['true', false],
      ['OFF', false],
    ],
    refused: ['maybe', '2'],
  },
  {
    variable: 'DATABASE_URL',
    read: (config) => config.database,
    accepted: [
      ['postgres://u:p@db/x', { kind: 'postgres', url: 'postgres://u:p@db/x' }],
      [
        'postgresql://u:p@db:5432/x?sslmode=require',
        { kind: 'postgres', url: 'postgresql://u:p@db:5432/x?sslmode=require' },
      ],
      ['postgres:///x?host=/run/postgresql', { kind: 'postgres', url: 'postgres:///x?host=/run/postgresql' }],
    ],
    refused: ['mysql://u:p@db/x', 'db', 'localhost:5432/x', 'postgres'],
    beside: { SECRET_KEY: KEY },
  },
  {
    variable: 'DATA_DIR',
    read: (config) => config.dataDir,
    accepted: [
      ['/var/lib/gatehouse', '/var/lib/gatehouse'],
      ['here', resolve('here')],
    ],
    refused: ['/tmp/\0'],
  },
  {
    variable: 'SECRET_KEY',
    read: (config) => config.database.kind,
    accepted: [
      [KEY, 'embedded'],
      [`${KEY}, ${KEY}x`, 'embedded'],
    ],
    refused: ['k'.repeat(31), `${KEY},`, `${KEY},short`, ','],
  },
  {
    variable: 'ADMIN_EMAIL',
    read: (config) => config.admin?.email,
    accepted: [
      ['ada@example.com', 'ada@example.com'],
      [' ada@localhost ', 'ada@localhost'],
    ],
    refused: [
      'ada',
      'ada@',
      '@example.com',
      'ada@example.com, bob@example.com',
      `${'a'.repeat(250)}@example.com`,
    ],
    beside: { ADMIN_PASSWORD: 'long enough' },
  },
  {
    variable: 'ADMIN_PASSWORD',
    read: (config) => config.admin?.password,
    accepted: [
      ['12345678', '12345678'],
      [' spaces stay ', ' spaces stay '],
      ['x'.repeat(1024), 'x'.repeat(1024)],
      ['pässwörd', 'pässwörd'],
    ],
    refused: ['1234567', '🔑🔑🔑🔑', 'x'.repeat(1025), 'ü'.repeat(513)],
    beside: { ADMIN_EMAIL: 'ada@example.com' },
  },
  {
    variable: 'REGISTRATION',
    read: (config) => config.registration,
    accepted: [
      ['open', 'open'],
      ['cimd', 'cimd'],
      ['dcr', 'dcr'],
      ['OFF', 'off'],
    ],
    refused: ['closed', 'true', 'open,cimd'],
  },
  {
    variable: 'INITIAL_ACCESS_TOKENS',
    read: (config) => config.initialAccessTokens,
    accepted: [
      ['a'.repeat(16), ['a'.repeat(16)]],
      [`${'a'.repeat(16)}, ${'b'.repeat(20)}==`, ['a'.repeat(16), `${'b'.repeat(20)}==`]],
    ],
    refused: ['short', `${'a'.repeat(16)} b`, `${'a'.repeat(16)},`, `"${'a'.repeat(16)}"`],
    beside: { REGISTRATION: 'token' },
  },
  {
    variable: 'ALLOWED_REDIRECT_HOSTS',
    read: (config) => config.allowedRedirectHosts,
    accepted: [
      ['claude.ai, *.Example.com', ['claude.ai', '*.example.com']],
      ['localhost,cursor:', ['localhost', 'cursor:']],
    ],
    refused: ['https://claude.ai', 'https:', '*', '*.', 'claude.ai/cb', 'a,,b', 'cl\u0430ude.ai', '[::1]'],
  },
  {
    variable: 'ALLOWED_CLIENT_DOMAINS',
    read: (config) => config.allowedClientDomains,
    accepted: [['claude.ai, VSCODE.dev', ['claude.ai', 'vscode.dev']]],
    refused: ['*.claude.ai', 'https://claude.ai', 'claude.ai:443', '.claude.ai', 'claude..ai'],
  },
  {
    variable: 'CLIENT_UNUSED_TTL',
    read: (config) => config.clientUnusedTtlSeconds,
    accepted: [
      ['90d', 7_776_000],
      ['1h', 3600],
    ],
    refused: ['90', '59m', 'never'],
  },
  {
    variable: 'ACCESS_TOKEN_TTL',
    read: (config) => config.accessTokenTtlSeconds,
    accepted: [
      ['90s', 90],
      ['10m', 600],
      ['1H', 3600],
      ['1d', 86_400],
    ],
    refused: ['600', '10', '10 m', '0s', '2d', '-1m', '1.5h', '10min', 'm', '99999999999s'],
  },
  {
    variable: 'REFRESH_TOKEN_TTL',
    read: (config) => config.refreshTokenTtlSeconds,
    accepted: [
      ['30d', 2_592_000],
      ['2w', 1_209_600],
    ],
    refused: ['366d', '0d', 'forever'],
  },
  {
    variable: 'TRUST_PROXY',
    read: (config) => config.trustProxy,
    accepted: [
      ['off', false],
      ['false', false],
      ['0', false],
      ['on', true],
      ['TRUE', true],
      ['2', 2],
      ['10.0.0.1', ['10.0.0.1']],
      ['10.0.0.0/8, fd00::/8,loopback', ['10.0.0.0/8', 'fd00::/8', 'loopback']],
    ],
    refused: [
      'yes please',
      '33',
      '10.0.0.0/33',
      '10.0.0',
      '::/129',
      '10.0.0.1,',
      'proxy.internal',
      'fe80::1%eth0',
      '-1',
      '1.5',
    ],
  },
  {
    variable: 'ALLOWED_ORIGINS',
    read: (config) => config.allowedOrigins,
    accepted: [
      ['https://App.example.com/', ['https://app.example.com']],
      ['https://a.example:443, http://b.example:8080', ['https://a.example', 'http://b.example:8080']],
      ['vscode-webview://ABC', ['vscode-webview://abc']],
    ],
    refused: [
      '*',
      'null',
      'app.example.com',
      'https://app.example.com/x',
      'https://*.example.com',
      'https://a.example,',
    ],
  },
  {
    variable: 'RATE_PER_PERSON',
    read: (config) => config.perPerson.rate,
    accepted: [
      ['10/s', { times: 10, seconds: 1 }],
      ['600/M', { times: 600, seconds: 60 }],
      ['1/h', { times: 1, seconds: 3600 }],
      ['off', null],
    ],
    refused: ['10', '0/s', '10/d', '10 / s', '1.5/s', '-1/s', '1000001/s', '/s'],
  },
  {
    variable: 'MAX_STREAMS_PER_PERSON',
    read: (config) => config.perPerson.streams,
    accepted: [
      ['1', 1],
      ['off', null],
    ],
    refused: ['0', 'none', '1.5', '10/s'],
  },
  {
    variable: 'MAX_HEADERS',
    read: (config) => config.maxHeaderBytes,
    accepted: [['32kb', 32_768]],
    refused: ['1kb', '1mb', '16'],
  },
  {
    variable: 'MAX_BODY',
    read: (config) => config.maxBodyBytes,
    accepted: [
      ['1kb', 1024],
      ['10MB', 10_485_760],
      ['2048b', 2048],
    ],
    refused: ['10', '10 mb', '1023b', '2gb', '10mib'],
  },
  {
    variable: 'REDIS_URL',
    read: (config) => config.redisUrl,
    accepted: [
      ['redis://redis:6379', 'redis://redis:6379'],
      ['rediss://:secret@redis', 'rediss://:secret@redis'],
    ],
    refused: ['http://redis', 'redis:6379'],
  },
  {
    variable: 'LOG_LEVEL',
    read: (config) => config.logLevel,
    accepted: [
      ['debug', 'debug'],
      ['Silent', 'silent'],
    ],
    refused: ['verbose', '30'],
  },
  {
    variable: 'SHUTDOWN_GRACE',
    read: (config) => config.shutdownGraceMs,
    accepted: [
      ['0s', 0],
      ['1m', 60_000],
    ],
    refused: ['11m', '10', 'never'],
  },
  {
    variable: 'WORKERS',
    read: (config) => config.workers,
    accepted: [['4', 4]],
    refused: ['0', '65', 'auto'],
  },
  {
    variable: 'METRICS_PORT',
    read: (config) => config.metricsPort,
    accepted: [
      ['off', null],
      ['9464', 9464],
    ],
    refused: ['0', 'on', '8080'],
  },
  {
    variable: 'OTEL_EXPORTER_OTLP_ENDPOINT',
    read: (config) => config.otlpEndpoint,
    accepted: [['http://collector:4318', 'http://collector:4318']],
    refused: ['collector:4318', 'grpc://collector:4317'],
  },
]

for (const { variable, read, accepted, refused, beside } of RULES) {
  t.test(`${variable} says what it accepts and refuses the rest`, async (t) => {
    for (const [text, meaning] of accepted) {
      t.same(read(loadConfig({ ...beside, [variable]: text })), meaning, `${variable}=${text}`)
    }
    for (const text of refused) {
      t.same(blamed({ ...beside, [variable]: text }), [variable], `not ${variable}=${text}`)
    }
  })
}
