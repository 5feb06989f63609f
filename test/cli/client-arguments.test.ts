// Owns the table of what may be typed after `gatehouse client create`, and what client it makes.

import t from 'tap'
import { membersOf } from '../../src/authorization-server/operator-client-members.ts'
import { parseClientArguments, wantedOf } from '../../src/cli/client-arguments.ts'
import { loadConfig } from '../../src/config/config.ts'

const PUBLIC_URL = 'https://gate.example'
const KEY = { kty: 'EC', crv: 'P-256', x: 'x', y: 'y' }
const CB = ['--redirect', 'https://app.example/cb']

function made(args: readonly string[], jwks: { keys: object[] } | null = null) {
  const config = loadConfig({ PUBLIC_URL, UPSTREAM_NOTES_URL: 'http://notes:3000/mcp' })
  return membersOf(wantedOf(parseClientArguments(['--name', 'A', ...args]), jwks, config), PUBLIC_URL)
}

t.test('a redirect makes a public client that people sign in with', async (t) => {
  t.match(made(CB), {
    client_name: 'A',
    redirect_uris: ['https://app.example/cb'],
    grant_types: ['authorization_code', 'refresh_token'],
    response_types: ['code'],
    token_endpoint_auth_method: 'none',
    application_type: 'web',
  })
  t.match(made(['--redirect', 'http://127.0.0.1/cb']), { application_type: 'native' })
  t.match(made(['--redirect', 'myapp:/cb']), { redirect_uris: ['myapp:/cb'], application_type: 'native' })
  t.match(made([...CB, '--skip-consent']), { 'gatehouse:skip_consent': true })
  t.notOk('gatehouse:skip_consent' in made(CB))
})

t.test('what acts by itself proves who it is', async (t) => {
  const script = ['--grant', 'client_credentials', '--scope', 'notes notes:read']
  t.match(made(script), {
    grant_types: ['client_credentials'],
    response_types: [],
    redirect_uris: [],
    token_endpoint_auth_method: 'client_secret_basic',
    'gatehouse:scope': 'notes notes:read',
  })
  t.match(made(script, { keys: [KEY] }), {
    token_endpoint_auth_method: 'private_key_jwt',
    jwks: { keys: [KEY] },
  })
  t.match(made(['--grant', 'token_exchange', '--auth', 'client_secret_post']), {
    grant_types: ['urn:ietf:params:oauth:grant-type:token-exchange'],
    token_endpoint_auth_method: 'client_secret_post',
  })
  t.match(made(['--grant', 'device_code']), { token_endpoint_auth_method: 'none' })
})

t.test('a resource server is marked with what it serves', async (t) => {
  t.match(made(['--resource-server']), {
    grant_types: [],
    token_endpoint_auth_method: 'client_secret_basic',
    'gatehouse:introspects': true,
  })
  t.match(made(['--resource-server', '--resource', 'https://GATE.example/mcp/']), {
    'gatehouse:introspects': ['https://gate.example/mcp'],
  })
})

const REFUSED: readonly (readonly [readonly string[], RegExp, { keys: object[] }?])[] = [
  [[], /--redirect URI where people sign in/],
  [[...CB, '--name', ' '], /^--name is missing/],
  [['--redirect', 'http://app.example/cb'], /must use https/],
  [['--redirect', 'https://app.example/*'], /wildcard/],
  [['--redirect', 'javascript:alert(1)'], /scheme/],
  [['--redirect', 'nothing'], /absolute URI/],
  [[...CB, '--id', 'gatehouse'], /client ID/],
  [[...CB, '--id', 'key_x'], /client ID/],
  [[...CB, '--id', 'https://a.example/x'], /client ID/],
  [[...CB, '--grant', 'password'], /^There is no grant password/],
  [['--grant', 'authorization_code'], /needs a --redirect/],
  [['--grant', 'jwt_bearer'], /identity provider/],
  [[...CB, '--scope', 'elsewhere'], /^The scope elsewhere belongs to no upstream. The upstreams are: notes/],
  [['--grant', 'client_credentials', '--auth', 'none'], /prove who it is/],
  [['--resource-server', '--auth', 'none'], /prove who it is/],
  [[...CB, '--auth', 'magic'], /^--auth is one of/],
  [[...CB, '--auth', 'private_key_jwt'], /needs --jwks/],
  [[...CB, '--auth', 'none'], /--jwks is for/, { keys: [KEY] }],
  [CB, /no keys/, { keys: [] }],
  [CB, /private key/, { keys: [{ ...KEY, d: 'd' }] }],
  [CB, /private key/, { keys: [{ kty: 'oct', k: 'k' }] }],
  [[...CB, '--resource', 'https://a.example/mcp'], /goes with --resource-server/],
  [['--resource-server', '--resource', 'nothing'], /URL of a resource/],
  [[...CB, '--unknown'], /--unknown/],
]

for (const [args, line, jwks] of REFUSED) {
  t.test(`refused: ${args.join(' ')}`, async (t) => {
    t.throws(() => made(args, jwks), { message: line })
  })
}
