// Owns the promises about the login of an upstream: what is enough, what is filled in, and a place for every mistake.

import { generateKeyPairSync } from 'node:crypto'
import t from 'tap'
import { loadConfig } from '../../src/config/config.ts'
import { problemsOf } from './problems-of.ts'

function authOf(auth: unknown, env: Readonly<Record<string, string>> = {}): unknown {
  const UPSTREAMS = JSON.stringify({ notion: { url: 'https://mcp.notion.example/mcp', auth } })
  return loadConfig({ UPSTREAMS, ...env }).upstreams[0]?.auth
}

function problems(auth: unknown, entry: object = { url: 'https://mcp.notion.example/mcp' }) {
  return problemsOf({ UPSTREAMS: JSON.stringify({ notion: { ...entry, auth } }) })
}

t.test('one line is enough, and the rest is discovered', async (t) => {
  t.match(authOf({ type: 'oauth2' }), {
    type: 'oauth2',
    shared: false,
    clientId: null,
    issuer: null,
    scopes: null,
    sendsResource: true,
  })
  t.equal(authOf(undefined), null)
})

t.test('everything can be said, and a secret comes from a variable', async (t) => {
  const given = {
    type: 'oauth2',
    client_id: 'gatehouse',
    client_secret: `\${env:NOTION_SECRET}`,
    issuer: 'https://id.notion.example',
    authorization_endpoint: 'https://id.notion.example/authorize',
    token_endpoint: 'https://id.notion.example/token',
    scopes: 'read write',
    audience: 'notion',
    resource: false,
    _comment: 'ours',
  }
  const env = { UPSTREAMS_ENV: 'NOTION_SECRET', NOTION_SECRET: 's3cret' }
  t.match(authOf(given, env), {
    clientSecret: 's3cret',
    issuer: 'https://id.notion.example',
    scopes: ['read', 'write'],
    audience: 'notion',
    sendsResource: false,
  })
})

t.test('the other kinds fill in where their value goes', async (t) => {
  const bearer = { header: 'authorization', prefix: 'Bearer ' }
  t.match(authOf({ type: 'api-key' }), { type: 'api-key', ...bearer, hint: null })
  t.match(authOf({ type: 'api-key', header: 'X-Api-Key' }), { header: 'x-api-key', prefix: '' })
  t.match(authOf({ type: 'identity', ttl: '1m' }), { type: 'identity', ...bearer, ttlSeconds: 60 })
  const exchange = { type: 'token-exchange', token_endpoint: 'https://as.example/token', client_id: 'g' }
  t.match(authOf(exchange), { tokenEndpoint: 'https://as.example/token', clientId: 'g', clientSecret: null })
  const assertion = { type: 'id-jag', issuer: 'https://as.example', client_id: 'g' }
  t.match(authOf(assertion), { issuer: 'https://as.example', tokenEndpoint: null, identityProvider: null })
  const identity_provider = {
    token_endpoint: 'https://idp.example/token',
    client_id: 'p',
    client_secret: `\${env:IDP}`,
  }
  const foreign = authOf({ ...assertion, identity_provider }, { UPSTREAMS_ENV: 'IDP', IDP: 's3cret' })
  t.match(foreign, { identityProvider: { clientId: 'p', clientSecret: 's3cret' } })
})

t.test('every mistake has its place', async (t) => {
  t.match(problems({ type: 'oauth' }), [{ at: 'notion.auth', expected: /oauth2, api-key, identity/ }])
  t.match(problems({ type: 'oauth2', issuer: 'notion', scopes: 7 }), [
    { at: 'notion.auth.issuer' },
    { at: 'notion.auth.scopes', expected: /list of scopes/ },
  ])
  t.match(problems({ type: 'oauth2', token_endpoint: 'https://as.example/token' }), [{ got: 'one of them' }])
  t.match(problems({ type: 'oauth2', client_secret: 's' }), [{ at: 'notion.auth.client_id' }])
  t.match(problems({ type: 'api-key', header: 'Mcp-Method' }), [{ at: 'notion.auth.header' }])
  t.match(problems({ type: 'identity', ttl: '2d' }), [{ at: 'notion.auth.ttl', expected: /10s to 1h/ }])
  const provider = { type: 'id-jag', issuer: 'https://as.example', client_id: 'g', identity_provider: {} }
  t.match(problems(provider), [{ at: /identity_provider/ }, { at: /identity_provider/ }])
  t.match(problems({ type: 'oauth2' }, { command: 'notes' }), [{ expected: /a program has no login/ }])
})

const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const PEM = privateKey.export({ format: 'pem', type: 'pkcs8' }).toString()

t.test('where Gatehouse logs in as itself, everybody shares that', async (t) => {
  const own = { type: 'oauth2', grant: 'client_credentials', client_id: 'g' }
  t.match(authOf({ ...own, client_secret: 's' }), {
    grant: 'client_credentials',
    shared: true,
    clientKey: null,
  })
  t.match(authOf({ ...own, private_key: PEM.replaceAll('\n', '\\n'), private_key_id: 'k' }), {
    clientKey: { pem: PEM, id: 'k', algorithm: 'ES256' },
  })
  const endpoint = 'https://as.example/token'
  t.match(authOf({ ...own, client_secret: 's', token_endpoint: endpoint }), { tokenEndpoint: endpoint })
  const workload = { type: 'oauth2', grant: 'jwt-bearer', client_id: 'g' }
  t.match(authOf({ ...workload, assertion_file: '/run/token' }), {
    shared: true,
    assertion: { kind: 'file', path: '/run/token' },
  })
})

t.test('what a login of our own lacks, or has too much of, is said', async (t) => {
  const own = { type: 'oauth2', grant: 'client_credentials', client_id: 'g' }
  t.match(problems(own), [{ at: 'notion.auth', expected: /a client_secret or a private_key/ }])
  t.match(problems({ ...own, client_id: undefined, client_secret: 's' }), [{ at: 'notion.auth.client_id' }])
  t.match(problems({ ...own, client_secret: 's', private_key: PEM }), [{ got: 'both' }])
  t.match(problems({ ...own, private_key: 'no key' }), [{ at: 'notion.auth.private_key', expected: /PEM/ }])
  t.match(problems({ ...own, private_key: PEM, signing_algorithm: 'RS256' }), [
    { at: 'notion.auth.signing_algorithm', expected: /ES256, which this key can do/ },
  ])
  t.match(problems({ ...own, client_secret: 's', assertion: 'a' }), [{ got: /the grant client_credentials/ }])
  t.match(problems({ type: 'oauth2', grant: 'jwt-bearer', client_id: 'g' }), [{ got: 'none' }])
  t.match(problems({ type: 'oauth2', grant: 'password' }), [{ at: 'notion.auth.grant' }])
})
