// Owns the proof that only a good access token of ours gets a call to an upstream.

import { createHmac, generateKeyPairSync } from 'node:crypto'
import t from 'tap'
import { startHostileUpstream } from '../support/hostile-upstream.ts'
import { type Answer, KID, open, PUBLIC_URL, send, sendRaw, setStage, sign } from './stage.ts'

const METADATA = `${PUBLIC_URL}/.well-known/oauth-protected-resource/mcp/notes`

function isChallenged(answer: Answer): boolean {
  const challenge = answer.headers['www-authenticate'] ?? ''
  return (
    answer.status === 401 &&
    challenge.startsWith('Bearer error="invalid_token", ') &&
    challenge.includes(`resource_metadata="${METADATA}", scope="notes:read"`)
  )
}

t.test('a call without a token learns where to get one, and no error code', async (t) => {
  const upstream = await startHostileUpstream(t)
  const stage = await setStage(t, [{ url: upstream.url }])
  for (const method of ['POST', 'GET', 'DELETE', 'PUT', 'HEAD', 'OPTIONS']) {
    const answer = await send(stage, { method })
    t.equal(answer.status, 401, method)
    t.equal(
      answer.headers['www-authenticate'],
      `Bearer resource_metadata="${METADATA}", scope="notes:read", DPoP algs="ES256 Ed25519 EdDSA RS256 PS256"`,
    )
  }
  t.equal((await send(stage, { token: await stage.token() })).status, 200, 'the same call with a token')
  t.equal(upstream.arrivals.length, 1)
})

t.test('the token is refused before the body is read', async (t) => {
  const upstream = await startHostileUpstream(t)
  const stage = await setStage(t, [{ url: upstream.url }])
  const heard = await sendRaw(
    stage,
    'POST /mcp/notes HTTP/1.1\r\nHost: gate.example\r\nContent-Type: application/json, text/plain\r\nContent-Length: 1000\r\n\r\n{',
  )
  t.match(heard, /^HTTP\/1\.1 401 /)
  t.equal(upstream.arrivals.length, 0)
})

t.test('every way in which a token can be wrong is refused, and its good twin is not', async (t) => {
  const upstream = await startHostileUpstream(t)
  const stage = await setStage(t, [{ url: upstream.url }])
  const other = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const now = Math.floor(Date.now() / 1000)
  const good = await stage.token()
  const [head = '', payload = ''] = good.split('.')
  const encoded = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')
  const header = { alg: 'ES256', typ: 'at+jwt', kid: KID }
  const unsigned = (alg: string) => `${encoded({ ...header, alg })}.${payload}.`
  const pem = stage.keys.get(KID)?.key.export({ type: 'spki', format: 'pem' }) ?? ''
  const confused = `${encoded({ ...header, alg: 'HS256' })}.${payload}`
  const signature = (bytes: Buffer) => `${head}.${payload}.${bytes.toString('base64url')}`
  const token = stage.token

  const wrong: Record<string, string> = {
    'no signature, alg none': unsigned('none'),
    'no signature, alg nOnE': unsigned('nOnE'),
    'no signature, alg ES256': `${head}.${payload}.`,
    'HMAC with our public key': `${confused}.${createHmac('sha256', pem).update(confused).digest('base64url')}`,
    'r and s are zero': signature(Buffer.alloc(64)),
    'a signature that is too short': signature(Buffer.alloc(63, 1)),
    'a DER signature': signature(Buffer.concat([Buffer.from([0x30, 0x44, 0x02, 0x20]), Buffer.alloc(66, 1)])),
    'another payload under a good signature': `${head}.${encoded({ iss: PUBLIC_URL })}.${good.split('.')[2]}`,
    'a foreign key under our kid': await sign(other.privateKey, {}, {}),
    'a path as kid': await token({}, { kid: '../../dev/null' }),
    'SQL as kid': await token({}, { kid: "' OR 1=1--" }),
    'an array as kid': `${encoded({ ...header, kid: [KID] })}.${payload}.${good.split('.')[2]}`,
    'no kid': `${encoded({ alg: 'ES256', typ: 'at+jwt' })}.${payload}.${good.split('.')[2]}`,
    'another typ': await token({}, { typ: 'JWT' }),
    'an ID token': await token({ aud: 'client-1' }, { typ: 'JWT' }),
    'no typ': await token({}, { typ: undefined }),
    crit: `${encoded({ ...header, crit: ['exp'] })}.${payload}.${good.split('.')[2]}`,
    b64: `${encoded({ ...header, b64: false })}.${payload}.${good.split('.')[2]}`,
    'another issuer': await token({ iss: 'https://other.example' }),
    'the issuer with a slash': await token({ iss: `${PUBLIC_URL}/` }),
    'the issuer in upper case': await token({ iss: PUBLIC_URL.toUpperCase() }),
    'the issuer in an array': await token({ iss: [PUBLIC_URL] }),
    'no issuer': await token({ iss: undefined }),
    'another audience': await token({ aud: `${PUBLIC_URL}/mcp/other` }),
    'the audience of the shorter path': await token({ aud: `${PUBLIC_URL}/mcp` }),
    'the audience with a slash': await token({ aud: `${PUBLIC_URL}/mcp/notes/` }),
    'two audiences': await token({ aud: [`${PUBLIC_URL}/mcp/notes`, `${PUBLIC_URL}/mcp`] }),
    'no audience': await token({ aud: undefined }),
    'an empty list of audiences': await token({ aud: [] }),
    expired: await token({ exp: now - 6 }),
    'exp as a text': await token({ exp: String(now + 600) }),
    'exp is missing': await token({ exp: undefined }),
    'nbf in the future': await token({ nbf: now + 60 }),
    'iat in the future': await token({ iat: now + 3600 }),
    'no subject': await token({ sub: undefined }),
    'an empty subject': await token({ sub: '' }),
    'a number as subject': await token({ sub: 7 }),
    'no client': await token({ client_id: undefined }),
    'scopes in an array': await token({ scope: ['notes'] }),
    'bound to a key': await token({ cnf: { jkt: 'thumbprint' } }),
    'not a JWT': 'opaque-token',
    'two tokens': `${good},Bearer ${good}`,
    'a space before it': ` ${good}`,
    'longer than 8 KB': await token({ padding: 'x'.repeat(8 * 1024) }),
  }
  for (const [what, presented] of Object.entries(wrong)) {
    const answer = await send(stage, { token: presented })
    t.ok(isChallenged(answer), `${what}: ${answer.status} ${answer.headers['www-authenticate']}`)
  }
  t.equal(upstream.arrivals.length, 0, 'the upstream saw none of it')

  const right: Record<string, string> = {
    'as it is meant': good,
    'the audience as a list of one': await token({ aud: [`${PUBLIC_URL}/mcp/notes`] }),
    'the long media type': await token({}, { typ: 'application/at+jwt' }),
    'nbf and iat a few seconds ahead': await token({ nbf: now + 5, iat: now + 5 }),
    'expired within the leeway': await token({ exp: now - 2 }),
    'without a grant': await token({ gid: undefined }),
  }
  for (const [what, presented] of Object.entries(right)) {
    t.equal((await send(stage, { token: presented })).status, 200, what)
  }
})

t.test('1e400 as expiry is refused', async (t) => {
  const stage = await setStage(t, [{}])
  const claims = { iss: PUBLIC_URL, aud: `${PUBLIC_URL}/mcp/notes`, sub: 'a', client_id: 'b' }
  const text = JSON.stringify(claims).replace(/}$/, ',"exp":1e400}')
  const { CompactSign } = await import('jose')
  const token = await new CompactSign(Buffer.from(text))
    .setProtectedHeader({ alg: 'ES256', typ: 'at+jwt', kid: KID })
    .sign(stage.signingKey)
  t.ok(isChallenged(await send(stage, { token })))
})

t.test('RS256 and EdDSA keys work, each with its own algorithm alone', async (t) => {
  const upstream = await startHostileUpstream(t)
  const stage = await setStage(t, [{ url: upstream.url }])
  const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const ed = generateKeyPairSync('ed25519')
  stage.keys.set('rsa', { key: rsa.publicKey, alg: 'RS256' })
  stage.keys.set('ed', { key: ed.publicKey, alg: 'EdDSA' })
  stage.keys.set('pss', { key: rsa.publicKey, alg: 'PS256' })
  const status = async (token: string) => (await send(stage, { token })).status
  t.equal(await status(await sign(rsa.privateKey, {}, { alg: 'RS256', kid: 'rsa' })), 200)
  t.equal(await status(await sign(ed.privateKey, {}, { alg: 'EdDSA', kid: 'ed' })), 200)
  t.equal(
    await status(await sign(rsa.privateKey, {}, { alg: 'PS256', kid: 'rsa' })),
    401,
    'not the algorithm of the key',
  )
  t.equal(await status(await sign(rsa.privateKey, {}, { alg: 'PS256', kid: 'pss' })), 401, 'not on the list')
})

t.test('the scheme is read in any case, other schemes are no token', async (t) => {
  const upstream = await startHostileUpstream(t)
  const stage = await setStage(t, [{ url: upstream.url }])
  const token = await stage.token()
  for (const scheme of ['Bearer', 'bearer', 'BEARER']) {
    t.equal((await send(stage, { headers: { authorization: `${scheme} ${token}` } })).status, 200, scheme)
  }
  for (const authorization of [`Basic ${token}`, `Bearer`, `Bearer\t${token}`, token]) {
    const answer = await send(stage, { headers: { authorization } })
    t.equal(answer.status, 401, authorization.slice(0, 12))
    t.notMatch(answer.headers['www-authenticate'], /error=/)
  }
})

t.test('two Authorization headers are refused, whichever is good', async (t) => {
  const upstream = await startHostileUpstream(t)
  const stage = await setStage(t, [{ url: upstream.url }])
  const good = await stage.token()
  const body = '{"jsonrpc":"2.0","id":1,"method":"tools/list"}'
  const request = (lines: readonly string[]) =>
    `POST /mcp/notes HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n${lines.join('\r\n')}\r\n\r\n${body}`
  t.match(
    await sendRaw(stage, request([`Authorization: Bearer ${good}`, 'Authorization: Bearer x'])),
    /^HTTP\/1\.1 400 /,
  )
  t.match(
    await sendRaw(stage, request(['authorization: Bearer x', `AUTHORIZATION: Bearer ${good}`])),
    /^HTTP\/1\.1 400 /,
  )
  t.equal(upstream.arrivals.length, 0)
  t.match(await sendRaw(stage, request([`Authorization: Bearer ${good}`])), /^HTTP\/1\.1 200 /)
})

t.test('a token in the query is refused, and any other query is not passed on', async (t) => {
  const upstream = await startHostileUpstream(t)
  const stage = await setStage(t, [{ url: `${upstream.url}?tenant=7` }])
  const token = await stage.token()
  t.equal((await send(stage, { token, path: `/mcp/notes?access_token=${token}` })).status, 400)
  t.equal((await send(stage, { token, path: '/mcp/notes?%61ccess_token=x' })).status, 400)
  t.equal(upstream.arrivals.length, 0)
  t.equal((await send(stage, { token, path: '/mcp/notes?admin=1&target=http://evil.example' })).status, 200)
  t.equal(upstream.arrivals[0]?.path, '/mcp?tenant=7')
})

t.test('a token that was good is asked again for its time, its key and its grant', async (t) => {
  const upstream = await startHostileUpstream(t)
  const stage = await setStage(t, [{ url: upstream.url }])
  const status = async (token: string) => (await send(stage, { token })).status

  const brief = await stage.token({ exp: Math.floor(Date.now() / 1000) + 60 })
  t.equal(await status(brief), 200)
  stage.clock.ahead = 70_000
  t.equal(await status(brief), 401, 'expired since')
  stage.clock.ahead = 0

  const granted = await stage.token({ gid: 'grant-9' })
  t.equal(await status(granted), 200)
  stage.revoked.add('grant-9')
  t.equal(await status(granted), 401, 'revoked since')
  t.equal(await status(await stage.token()), 200, 'another grant stands')

  const signed = await stage.token()
  const key = stage.keys.get(KID)
  t.equal(await status(signed), 200)
  stage.keys.delete(KID)
  t.equal(await status(signed), 401, 'its key was withdrawn since')
  if (key) stage.keys.set(KID, key)
  t.equal(await status(signed), 200)
})

t.test(
  'a refused request leaves the connection usable when its body is small, and closes it otherwise',
  async (t) => {
    const stage = await setStage(t, [{}])
    const small = 'POST /mcp/notes HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{}'
    const twice = await sendRaw(stage, small + small)
    t.equal(twice.match(/HTTP\/1\.1 401 /g)?.length, 2)
    const chunked = 'POST /mcp/notes HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n'
    t.match(await sendRaw(stage, chunked), /connection: close/i)
    const res = await open(stage, { headers: { 'content-length': '99999999' }, body: '{}' })
    t.equal(res.statusCode, 401)
    t.equal(res.headers.connection, 'close')
    res.destroy()
  },
)
