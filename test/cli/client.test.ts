// Owns the proofs of `gatehouse client`, on the real command line against a real database.

import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { exportJWK, generateKeyPair } from 'jose'
import t from 'tap'
import { fails, onPostgres } from '../support/command-line.ts'
import { build, createPerson } from '../support/gatehouse.ts'
import { authorizationRequest, postForm, REDIRECT_URI } from '../support/oauth.ts'
import { callbackOf, connect, redeem, refresh, signIn } from '../support/sign-in.ts'

t.test('creating a client twice makes one, with the same identifier and the same secret', async (t) => {
  const { gatehouse, database } = await onPostgres(t)
  const create = ['client', 'create', '--name', 'Reports', '--redirect', 'https://reports.example/cb']

  const first = await gatehouse(...create, '--auth', 'client_secret_basic', '--json')
  t.equal(first.code, 0, first.err)
  t.match(first.json, { outcome: 'created', client_id: String, client_secret: String })
  const rows = () => database.db.selectFrom('oauth_clients').selectAll().execute()
  const before = await rows()
  t.notOk(JSON.stringify(before).includes(String(first.json.client_secret)), 'only its hash is stored')

  const again = await gatehouse(...create, '--auth', 'client_secret_basic', '--json')
  t.match(again.json, { outcome: 'unchanged', client_id: first.json.client_id })
  t.notOk('client_secret' in again.json)
  t.same(await rows(), before, 'nothing was written')

  const changed = await gatehouse(
    ...create,
    '--redirect',
    'https://reports.example/two',
    '--auth',
    'client_secret_basic',
  )
  t.match(changed.out, /^Changed the client "Reports"\./)
  t.match(changed.out, String(first.json.client_id))
  t.notMatch(changed.out, /client_secret {2}\S/, 'the secret stays')
  const [row] = await rows()
  t.equal(row?.metadata.client_secret, before[0]?.metadata.client_secret)
})

t.test('what is printed can be pasted', async (t) => {
  const { gatehouse } = await onPostgres(t, { PUBLIC_URL: 'https://gate.example' })
  const app = await gatehouse(
    'client',
    'create',
    '--name',
    'Editor',
    '--id',
    'editor',
    '--redirect',
    'http://localhost:3118/callback',
  )
  t.match(app.out, /client_id {6}editor/)
  const json = app.out.slice(app.out.indexOf('\n{'))
  t.same(JSON.parse(json), {
    mcpServers: {
      gatehouse: {
        type: 'http',
        url: 'https://gate.example/mcp',
        oauth: { clientId: 'editor', callbackPort: 3118 },
      },
    },
  })
  const script = await gatehouse(
    'client',
    'create',
    '--name',
    'Nightly',
    '--grant',
    'client_credentials',
    '--scope',
    'demo:read',
  )
  t.match(script.out, /^ {2}client_secret {2}\S{43}$/m)
  t.match(
    script.out,
    /^curl -s -u '.+:\S{43}' -d grant_type=client_credentials .*https:\/\/gate\.example\/token$/m,
  )
})

t.test('a client that was added signs people in, and --skip-consent spares them the question', async (t) => {
  const { gatehouse, database } = await onPostgres(t)
  const { origin, browser } = await build(t, { overrides: { storage: database } })
  const alice = await createPerson(database.db, 'alice@example.com')
  const create = async (name: string, ...more: string[]) => {
    const { json, err } = await gatehouse(
      'client',
      'create',
      '--name',
      name,
      '--redirect',
      REDIRECT_URI,
      '--json',
      ...more,
    )
    return { client: { client_id: String(json.client_id) }, err }
  }
  const [asking, trusted] = [await create('Asking'), await create('Trusted', '--skip-consent')]
  t.match(trusted.err, /any program there can get a token unnoticed/)
  t.equal(asking.err, '')

  const connected = await connect(origin, browser(), alice.email, { client: asking.client })
  t.equal(connected.tokens.status, 200)

  const window = browser()
  const request = authorizationRequest(origin, trusted.client.client_id, { scope: 'demo' })
  const page = await signIn(window, request.url, alice.email)
  const code = callbackOf(page).get('code') ?? ''
  const tokens = await redeem(origin, { client: trusted.client, code, verifier: request.verifier })
  t.match(tokens, { status: 200, body: { scope: 'demo' } })

  const insisting = authorizationRequest(origin, trusted.client.client_id, {
    scope: 'demo',
    prompt: 'consent',
  })
  t.ok((await signIn(window, insisting.url, alice.email)).url.includes('/consent/'), 'unless it asks for it')
})

t.test('a deleted client and everything that was issued to it are gone', async (t) => {
  const { gatehouse, database } = await onPostgres(t)
  const { origin, browser } = await build(t, { overrides: { storage: database } })
  const alice = await createPerson(database.db, 'alice@example.com')
  const { json } = await gatehouse('client', 'create', '--name', 'App', '--redirect', REDIRECT_URI, '--json')
  const client = { client_id: String(json.client_id) }
  const other = await connect(origin, browser(), alice.email)
  const { refreshToken } = await connect(origin, browser(), alice.email, { client })

  const { code, out } = await gatehouse('client', 'delete', client.client_id)
  t.equal(code, 0)
  t.match(out, /^Deleted /)

  t.match(await refresh(origin, client.client_id, refreshToken), {
    status: 401,
    body: { error: 'invalid_client' },
  })
  t.equal((await refresh(origin, other.client.client_id, other.refreshToken)).status, 200, 'others go on')
  const left = await database.db.selectFrom('consents').select('client_id').execute()
  t.same(left, [{ client_id: other.client.client_id }])
  await fails(t, gatehouse, ['client', 'delete', client.client_id], /^There is no client/)
})

t.test('clients are listed and shown, without their secrets', async (t) => {
  const { gatehouse } = await onPostgres(t)
  t.match(await gatehouse('client', 'list'), { code: 0, out: '', err: /^No client has registered/ })
  t.match(await gatehouse('client', 'list', '--json'), { code: 0, out: '[]\n', err: '' })
  await gatehouse('client', 'create', '--name', 'One', '--id', 'one', '--redirect', 'https://one.example/cb')
  await gatehouse(
    'client',
    'create',
    '--name',
    'Two',
    '--id',
    'two',
    '--grant',
    'client_credentials',
    '--scope',
    'demo',
  )
  t.match((await gatehouse('client', 'list')).out, /^one\s+One\s+added\s+last used: never\ntwo\s/)
  t.match(JSON.parse((await gatehouse('client', 'list', '--json')).out), [
    { client_id: 'one' },
    { client_id: 'two' },
  ])
  const shown = await gatehouse('client', 'show', 'two', '--json')
  t.match(shown.json, { client_id: 'two', has_secret: true, 'gatehouse:scope': 'demo', madeBy: 'operator' })
  t.notOk('client_secret' in shown.json)
  await fails(t, gatehouse, ['client', 'show', 'three'], /^There is no client three/)
})

t.test('a script that was added gets a token of its own for its scopes, and for no other', async (t) => {
  const { gatehouse, database } = await onPostgres(t)
  const { origin } = await build(t, { overrides: { storage: database } })
  const { json } = await gatehouse(
    ...['client', 'create', '--name', 'Nightly', '--grant', 'client_credentials', '--grant', 'device_code'],
    ...['--scope', 'demo:read', '--json'],
  )
  const basic = Buffer.from(`${json.client_id}:${json.client_secret}`).toString('base64')
  const ask = (scope: string) =>
    postForm(
      `${origin}/token`,
      { grant_type: 'client_credentials', resource: `${origin}/mcp`, scope },
      { authorization: `Basic ${basic}` },
    )
  t.match(await ask('demo:read'), { status: 200, body: { access_token: String, scope: 'demo:read' } })
  t.match(await ask('demo'), { status: 400, body: { error: 'invalid_scope' } })
})

t.test('a client with keys of its own is added with the public ones', async (t) => {
  const { gatehouse } = await onPostgres(t)
  const { publicKey, privateKey } = await generateKeyPair('ES256', { extractable: true })
  const file = async (name: string, key: object) => {
    const path = join(t.testdir(), `${name}.json`)
    await writeFile(path, JSON.stringify({ keys: [key] }))
    return path
  }
  const create = [
    'client',
    'create',
    '--name',
    'Signer',
    '--grant',
    'client_credentials',
    '--scope',
    'demo',
    '--jwks',
  ]
  await fails(t, gatehouse, [...create, await file('private', await exportJWK(privateKey))], /private key/)
  const { code, json } = await gatehouse(
    ...create,
    await file('public', await exportJWK(publicKey)),
    '--json',
  )
  t.equal(code, 0)
  t.match(json, { token_endpoint_auth_method: 'private_key_jwt', jwks: { keys: [{ kty: 'EC' }] } })
  t.notOk('client_secret' in json)
})

t.test('what must not be is refused with one line, and its twin is not', async (t) => {
  const { gatehouse, database } = await onPostgres(t)
  const create = ['client', 'create', '--name', 'A', '--redirect']
  await fails(t, gatehouse, [...create, 'http://app.example/cb'], /^redirect_uris\[0\] must use https/)
  await fails(t, gatehouse, ['client'], /^Say `gatehouse client create`/)
  t.same(await database.db.selectFrom('oauth_clients').selectAll().execute(), [])
  t.equal((await gatehouse(...create, 'https://app.example/cb')).code, 0)
})
