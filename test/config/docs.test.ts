// Owns the promise that the documents say what the schema says, and that their examples work.

import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { parseEnv } from 'node:util'
import t from 'tap'
import { parse } from 'yaml'
import { loadConfig } from '../../src/config/config.ts'
import { renderConfigurationPage } from '../../src/config/docs-page.ts'
import {
  COMPOSE_EXAMPLE,
  DOCUMENT_EXAMPLE,
  HEADERS_FILE_EXAMPLE,
  KINDS_EXAMPLE,
  LOGINS_EXAMPLE,
  SHORT_EXAMPLE,
} from '../../src/config/docs-upstreams.ts'
import { documentedVariables } from '../../src/config/documented-variables.ts'
import { renderEnvExample } from '../../src/config/env-example.ts'
import { blamed } from './problems-of.ts'

const PROJECT = new URL('../../', import.meta.url)

t.test('the documents are those that the schema makes (npm run docs:config)', async (t) => {
  t.equal(await readFile(new URL('docs/configuration.md', PROJECT), 'utf8'), renderConfigurationPage())
  t.equal(await readFile(new URL('.env.example', PROJECT), 'utf8'), renderEnvExample())
})

t.test('every variable is in both documents', async (t) => {
  const [page, example] = [renderConfigurationPage(), renderEnvExample()]
  for (const { name, exampleName } of documentedVariables()) {
    t.match(page, `| \`${name}\` |`)
    t.match(example, `\n# ${exampleName}=`)
  }
})

/** What has to be set beside a variable, so that its example stands for itself. */
const COMPANIONS = {
  DATABASE_URL: { SECRET_KEY: 'k'.repeat(32) },
  ADMIN_EMAIL: { ADMIN_PASSWORD: 'long enough' },
  UPSTREAM_NOTES_URLS: {},
  UPSTREAM_NOTES_COMMAND: {},
  UPSTREAM_NOTES_ARGS: { UPSTREAM_NOTES_COMMAND: 'npx' },
  UPSTREAM_NOTES_ENV: { UPSTREAM_NOTES_COMMAND: 'npx' },
  UPSTREAM_NOTES_CWD: { UPSTREAM_NOTES_COMMAND: 'npx' },
  UPSTREAM_NOTES_SHARED: { UPSTREAM_NOTES_COMMAND: 'npx' },
  UPSTREAM: { UPSTREAM_NOTES_URL: 'http://notes' },
  SIGN_IN: {
    SIGN_IN_COMPANY_ISSUER: 'https://x',
    SIGN_IN_COMPANY_CLIENT_ID: 'x',
    SIGN_IN_COMPANY_CLIENT_SECRET: 'x',
  },
  TRUSTED_ISSUER: {
    TRUSTED_ISSUER_COMPANY_ISSUER: 'https://x',
    TRUSTED_ISSUER_COMPANY_JWKS_URI: 'https://x/k',
  },
}

function companionsOf(name: string): Record<string, string> {
  const [, companions = {}] =
    Object.entries(COMPANIONS).find(([key]) => name === key || name.startsWith(`${key}_`)) ?? []
  return companions
}

t.test('every example is accepted', async (t) => {
  for (const { exampleName, example } of documentedVariables()) {
    if (example !== null)
      t.same(blamed({ ...companionsOf(exampleName), [exampleName]: example }), [], exampleName)
  }
})

t.test('every constant default is accepted, and is what happens without it', async (t) => {
  for (const { exampleName, constant } of documentedVariables()) {
    if (constant !== null) t.same(loadConfig({ [exampleName]: constant }), loadConfig({}), exampleName)
  }
})

t.test('.env.example changes nothing as it is, and works line by line', async (t) => {
  const text = renderEnvExample()
  t.same(parseEnv(text), {})
  for (const [, line = ''] of text.matchAll(/^# ([A-Z][A-Z_]*=.+)$/gm)) {
    const [[name = '', value] = []] = Object.entries(parseEnv(line))
    t.same(blamed({ ...companionsOf(name), [name]: value }), [], line)
  }
})

t.test('no secret in the documents is one that could be used', async (t) => {
  for (const { name, secret, example } of documentedVariables()) {
    if (/SECRET|PASSWORD|TOKENS/.test(name))
      t.match({ secret, example }, { secret: true, example: null }, name)
  }
})

t.test('the examples of upstreams work', async (t) => {
  const page = renderConfigurationPage()
  for (const example of [
    DOCUMENT_EXAMPLE,
    SHORT_EXAMPLE,
    COMPOSE_EXAMPLE,
    HEADERS_FILE_EXAMPLE,
    KINDS_EXAMPLE,
    LOGINS_EXAMPLE,
  ])
    t.ok(page.includes(example))
  const directory = t.testdir({ 'upstreams.json': DOCUMENT_EXAMPLE, headers: HEADERS_FILE_EXAMPLE })
  const file = {
    UPSTREAMS_FILE: join(directory, 'upstreams.json'),
    UPSTREAMS_ENV: 'TICKETS_TOKEN',
    TICKETS_TOKEN: 'x',
  }
  t.match(loadConfig(file).upstreams, [
    { name: 'notes' },
    { name: 'tickets', headers: { authorization: 'Bearer x' } },
  ])
  t.match(loadConfig({ UPSTREAMS: SHORT_EXAMPLE }).upstreams, [{ name: 'notes' }])
  t.match(loadConfig({ UPSTREAMS: KINDS_EXAMPLE, UPSTREAMS_ENV: 'FILES_KEY', FILES_KEY: 'x' }).upstreams, [
    { kind: 'http', otherUrls: ['http://notes-2:3000/mcp'] },
    { kind: 'sse' },
    { kind: 'stdio', env: { API_KEY: 'x' } },
    { kind: 'openapi' },
  ])
  const secret = { UPSTREAMS_ENV: 'FORGE_SECRET', FORGE_SECRET: 'x' }
  t.match(loadConfig({ UPSTREAMS: LOGINS_EXAMPLE, ...secret }).upstreams, [
    { auth: { type: 'oauth2' } },
    { auth: { clientSecret: 'x', scopes: ['repo'] } },
    { auth: { type: 'api-key', header: 'x-api-key' } },
  ])
  const environment = parse(COMPOSE_EXAMPLE).services.gatehouse.environment
  const compose = { ...environment, UPSTREAM_TICKETS_HEADERS_FILE: join(directory, 'headers') }
  t.match(loadConfig(compose).upstreams, [{ name: 'notes', title: 'Team notes' }, { name: 'tickets' }])
})
