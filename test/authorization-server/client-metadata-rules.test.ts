// Owns the table of decisions about client metadata that need no server: what is repeated, what is left alone, what a fingerprint sees.

import t from 'tap'
import { clientFingerprint } from '../../src/authorization-server/client-fingerprint.ts'
import {
  extraClientMetadata,
  normaliseClientMetadata,
} from '../../src/authorization-server/client-metadata.ts'
import { DOCUMENT_CLIENTS, REGISTERING_CLIENTS } from '../support/real-clients.ts'

const RULES = {
  publicUrl: 'https://gate.test',
  grantTypes: ['authorization_code', 'refresh_token'],
  idTokenAlgorithm: 'ES256',
} as const

for (const { name, kind, metadata } of [...REGISTERING_CLIENTS, ...DOCUMENT_CLIENTS]) {
  t.test(`normalising the ${kind} of ${name} twice changes nothing more`, async (t) => {
    const once = normaliseClientMetadata(metadata, kind, RULES)
    t.same(normaliseClientMetadata(once, kind, RULES), once)
    t.equal(clientFingerprint(normaliseClientMetadata(once, kind, RULES)), clientFingerprint(once))
  })
}

t.test('grants that the server offers beside the usual ones are kept', async (t) => {
  const device = 'urn:ietf:params:oauth:grant-type:device_code'
  const asked = { redirect_uris: ['http://127.0.0.1/cb'], grant_types: ['authorization_code', device] }
  const rules = { ...RULES, grantTypes: [...RULES.grantTypes, device] }
  t.match(normaliseClientMetadata(asked, 'registration', rules), {
    grant_types: ['authorization_code', device],
  })
  const deviceOnly = { grant_types: [device], response_types: [] }
  t.match(normaliseClientMetadata(deviceOnly, 'registration', rules), { grant_types: [device] })
})

t.test('what comes from storage is left alone, what comes from strangers is not', async (t) => {
  const { validator, properties } = extraClientMetadata(RULES)
  const [first = '', second = ''] = properties ?? []
  // An operator may have registered what a stranger must not.
  const stored = {
    client_id: 'abc',
    grant_types: ['client_credentials'],
    redirect_uris: ['http://10.0.0.5/cb'],
    scope: 'x',
  }
  const metadata = structuredClone(stored)
  validator?.(undefined, first, undefined, metadata)
  t.same(metadata, stored)

  const document = {
    ...structuredClone(stored),
    client_id: 'https://app.test/client.json',
    client_name: 'App',
  }
  t.throws(() => validator?.(undefined, first, undefined, document), { message: 'invalid_redirect_uri' })
  t.doesNotThrow(() => validator?.(undefined, second, undefined, document), 'decided once per client')
})

const IDENTITY = {
  client_name: 'App',
  redirect_uris: ['https://app.test/a', 'https://app.test/b'],
  token_endpoint_auth_method: 'none',
}

const SAME: readonly (readonly [string, object])[] = [
  ['the order of redirect URIs', { redirect_uris: ['https://app.test/b', 'https://app.test/a'] }],
  ['an absent member or null', { jwks_uri: null, jwks: undefined }],
  ['what is only shown', { client_uri: 'https://app.test/', logo_uri: 'https://app.test/logo.png' }],
]
const DIFFERENT: readonly (readonly [string, object])[] = [
  ['its name', { client_name: 'Another' }],
  ['one more redirect URI', { redirect_uris: [...IDENTITY.redirect_uris, 'https://evil.test/'] }],
  ['another redirect URI', { redirect_uris: ['https://app.test/a', 'https://evil.test/b'] }],
  ['how it authenticates', { token_endpoint_auth_method: 'private_key_jwt' }],
  ['whose keys it has', { jwks_uri: 'https://app.test/keys' }],
  ['its keys', { jwks: { keys: [{ kty: 'EC', x: '1' }] } }],
]

for (const [what, members] of SAME) {
  t.test(`a fingerprint does not depend on ${what}`, async (t) => {
    t.equal(clientFingerprint({ ...IDENTITY, ...members }), clientFingerprint(IDENTITY))
  })
}

for (const [what, members] of DIFFERENT) {
  t.test(`a fingerprint depends on ${what}`, async (t) => {
    t.not(clientFingerprint({ ...IDENTITY, ...members }), clientFingerprint(IDENTITY))
  })
}

t.test('a fingerprint does not depend on how keys are written, only on what they are', async (t) => {
  const written = (key: object) => clientFingerprint({ ...IDENTITY, jwks: { keys: [key] } })
  t.equal(written({ kty: 'EC', x: '1', y: '2' }), written({ y: '2', x: '1', kty: 'EC' }))
  t.not(written({ kty: 'EC', x: '1', y: '2' }), written({ kty: 'EC', x: '2', y: '1' }))
})
