// Owns the promises about variables whose names hold a name: misspellings are found, strangers are left alone.

import t from 'tap'
import { loadConfig } from '../../src/config/config.ts'
import { blamed, problemsOf } from './problems-of.ts'

t.test('a misspelled variable of ours is reported with the names that exist', async (t) => {
  for (const name of [
    'UPSTREAM_NOTES_ULR',
    'UPSTREAM_NOTES',
    'UPSTREAM_URL',
    'UPSTREAM__URL_',
    'UPSTREAM_NOTES_TOKEN',
    'UPSTREAM_NOTES_PORT',
    'UPSTREAM_NOTES_URL_FILES',
    'UPSTREAMS_FILES',
    'UPSTREAMS_JSON',
    'SIGN_IN_GITHUB_SECRET',
    'SIGN_IN_CLIENT_ID',
  ]) {
    t.match(problemsOf({ [name]: 'x' }), [{ variable: name, expected: /UPSTREAMS_FILE|_<NAME>_/ }], name)
  }
  t.same(blamed({ UPSTREAM_NOTES_URL: 'http://notes' }), [])
  t.same(blamed({ SIGN_IN_GITHUB_CLIENT_ID: 'x', SIGN_IN_GITHUB_CLIENT_SECRET: 'x' }), [])
})

t.test('what Kubernetes sets for a service is not a misspelling', async (t) => {
  t.same(
    blamed({
      UPSTREAM_NOTES_SERVICE_HOST: '10.0.0.1',
      UPSTREAM_NOTES_SERVICE_PORT: '3000',
      UPSTREAM_NOTES_SERVICE_PORT_HTTP: '3000',
      UPSTREAM_NOTES_PORT: 'tcp://10.0.0.1:3000',
      UPSTREAM_NOTES_PORT_3000_TCP: 'tcp://10.0.0.1:3000',
      UPSTREAM_NOTES_PORT_3000_TCP_PROTO: 'tcp',
      UPSTREAM_NOTES_PORT_3000_TCP_PORT: '3000',
      UPSTREAM_NOTES_PORT_3000_TCP_ADDR: '10.0.0.1',
      UPSTREAMS_SERVICE_HOST: '10.0.0.2',
    }),
    [],
  )
})

t.test('identity providers are read', async (t) => {
  const { identityProviders } = loadConfig({
    SIGN_IN_MY_COMPANY_ISSUER: 'https://id.example/tenant/',
    SIGN_IN_MY_COMPANY_CLIENT_ID: 'gatehouse',
    SIGN_IN_MY_COMPANY_CLIENT_SECRET: 'secret',
    SIGN_IN_GITHUB_CLIENT_ID: 'hub',
    SIGN_IN_GITHUB_CLIENT_SECRET: 'secret',
    SIGN_IN_GITLAB_ISSUER: 'http://localhost:9000',
    SIGN_IN_GITLAB_CLIENT_ID: 'lab',
    SIGN_IN_GITLAB_CLIENT_SECRET: 'secret',
  })
  t.same(identityProviders, [
    {
      name: 'my-company',
      kind: 'openid',
      issuer: 'https://id.example/tenant/',
      clientId: 'gatehouse',
      clientSecret: 'secret',
    },
    { name: 'github', kind: 'github', issuer: null, clientId: 'hub', clientSecret: 'secret' },
    {
      name: 'gitlab',
      kind: 'gitlab',
      issuer: 'http://localhost:9000',
      clientId: 'lab',
      clientSecret: 'secret',
    },
  ])
})

t.test('an identity provider is complete or a problem', async (t) => {
  const complete = {
    SIGN_IN_A_ISSUER: 'https://id.example',
    SIGN_IN_A_CLIENT_ID: 'x',
    SIGN_IN_A_CLIENT_SECRET: 'x',
  }
  t.same(blamed(complete), [])
  for (const missing of Object.keys(complete)) t.same(blamed({ ...complete, [missing]: '' }), [missing])
  t.same(blamed({ SIGN_IN_GITHUB_CLIENT_ID: 'x' }), ['SIGN_IN_GITHUB_CLIENT_SECRET'])
})

t.test('an issuer is an https URL without user, query and fragment', async (t) => {
  const provider = { SIGN_IN_A_CLIENT_ID: 'x', SIGN_IN_A_CLIENT_SECRET: 'x' }
  for (const issuer of [
    'http://id.example',
    'id.example',
    'https://u@id.example',
    'https://id.example?x',
    'https://id.example#x',
  ]) {
    t.same(blamed({ ...provider, SIGN_IN_A_ISSUER: issuer }), ['SIGN_IN_A_ISSUER'], issuer)
  }
  for (const issuer of ['https://id.example', 'https://id.example/realms/a', 'http://localhost:9000']) {
    t.same(blamed({ ...provider, SIGN_IN_A_ISSUER: issuer }), [], issuer)
  }
})

t.test('names of identity providers are short, clean and different', async (t) => {
  const provider = (name: string) => ({
    [`SIGN_IN_${name}_CLIENT_ID`]: 'x',
    [`SIGN_IN_${name}_CLIENT_SECRET`]: 'x',
    [`SIGN_IN_${name}_ISSUER`]: 'https://id.example',
  })
  t.same(blamed(provider('A_1')), [])
  t.same(blamed(provider('_A')), ['SIGN_IN__A_CLIENT_ID'])
  t.same(blamed(provider('A'.repeat(33))), [`SIGN_IN_${'A'.repeat(33)}_CLIENT_ID`])
  t.same(blamed({ ...provider('A'), ...provider('a') }), ['SIGN_IN_a_CLIENT_ID'])
})
