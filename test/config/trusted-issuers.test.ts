// Owns the promises about TRUSTED_ISSUER_<NAME>_…: what is read, and what is refused.

import t from 'tap'
import { loadConfig } from '../../src/config/config.ts'
import { blamed, problemsOf } from './problems-of.ts'

const ACME = {
  TRUSTED_ISSUER_ACME_ISSUER: 'https://id.acme.example/tenant/',
  TRUSTED_ISSUER_ACME_JWKS_URI: 'https://id.acme.example/keys',
}

t.test('trusted issuers are read, and are careful by default', async (t) => {
  const { trustedIssuers } = loadConfig({
    ...ACME,
    TRUSTED_ISSUER_MY_LAB_ISSUER: 'http://localhost:9000',
    TRUSTED_ISSUER_MY_LAB_JWKS_URI: 'http://localhost:9000/keys',
    TRUSTED_ISSUER_MY_LAB_EMAIL_DOMAINS: 'Lab.Example, other.example',
    TRUSTED_ISSUER_MY_LAB_CREATE_USERS: 'true',
  })
  t.same(trustedIssuers, [
    {
      name: 'acme',
      issuer: 'https://id.acme.example/tenant/',
      jwksUri: 'https://id.acme.example/keys',
      emailDomains: [],
      createUsers: false,
    },
    {
      name: 'my-lab',
      issuer: 'http://localhost:9000',
      jwksUri: 'http://localhost:9000/keys',
      emailDomains: ['lab.example', 'other.example'],
      createUsers: true,
    },
  ])
})

t.test('what would leave open whom to believe is refused', async (t) => {
  const wrong: readonly (readonly [string, string])[] = [
    ['TRUSTED_ISSUER_ACME_ISSUER', 'http://id.acme.example'],
    ['TRUSTED_ISSUER_ACME_ISSUER', 'https://id.acme.example/?x'],
    ['TRUSTED_ISSUER_ACME_ISSUER', 'acme'],
    ['TRUSTED_ISSUER_ACME_JWKS_URI', 'http://10.0.0.5/keys'],
    ['TRUSTED_ISSUER_ACME_JWKS_URI', 'file:///keys'],
    ['TRUSTED_ISSUER_ACME_EMAIL_DOMAINS', 'acme'],
    ['TRUSTED_ISSUER_ACME_EMAIL_DOMAINS', '@acme.example'],
    ['TRUSTED_ISSUER_ACME_EMAIL_DOMAINS', '*.acme.example'],
    ['TRUSTED_ISSUER_ACME_EMAIL_DOMAINS', 'acme.example,,'],
    ['TRUSTED_ISSUER_ACME_CREATE_USERS', 'maybe'],
  ]
  for (const [name, value] of wrong) t.same(blamed({ ...ACME, [name]: value }), [name], `${name}=${value}`)
  t.same(blamed({ TRUSTED_ISSUER_ACME_ISSUER: 'https://id.acme.example' }), ['TRUSTED_ISSUER_ACME_JWKS_URI'])
  t.same(blamed({ TRUSTED_ISSUER_ACME_CREATE_USERS: 'true' }), [
    'TRUSTED_ISSUER_ACME_ISSUER',
    'TRUSTED_ISSUER_ACME_JWKS_URI',
  ])
  t.match(problemsOf({ TRUSTED_ISSUER_ACME_KEYS: 'x' }), [{ expected: /TRUSTED_ISSUER_<NAME>_JWKS_URI/ }])
  t.same(blamed(ACME), [])
})

t.test('two entries with one issuer are refused', async (t) => {
  const twin = {
    TRUSTED_ISSUER_TWIN_ISSUER: ACME.TRUSTED_ISSUER_ACME_ISSUER,
    TRUSTED_ISSUER_TWIN_JWKS_URI: 'https://twin.example/keys',
  }
  t.same(blamed({ ...ACME, ...twin }), ['TRUSTED_ISSUER_TWIN_ISSUER'])
  t.same(blamed({ ...ACME, ...twin, TRUSTED_ISSUER_TWIN_ISSUER: 'https://twin.example' }), [])
})
