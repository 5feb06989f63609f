// Owns the proof that a token bound to a key is worth nothing without that key (RFC 9449, MCP's DPoP profile).

import { createHash, randomUUID } from 'node:crypto'
import { calculateJwkThumbprint, exportJWK, type GenerateKeyPairResult, generateKeyPair, SignJWT } from 'jose'
import t from 'tap'
import { startHostileUpstream } from '../support/hostile-upstream.ts'
import { type Answer, call, PUBLIC_URL, send, setStage, type Teardown } from './stage.ts'

const URL_OF_NOTES = `${PUBLIC_URL}/mcp/notes`
const BODY = JSON.stringify(call('tools/list'))

interface Key {
  readonly pair: GenerateKeyPairResult
  readonly jwk: Record<string, unknown>
  readonly jkt: string
}

async function createKey(alg = 'ES256'): Promise<Key> {
  const pair = await generateKeyPair(alg, { extractable: true })
  const jwk = await exportJWK(pair.publicKey)
  return { pair, jwk: { ...jwk }, jkt: await calculateJwkThumbprint(jwk) }
}

interface Bent {
  readonly claims?: Readonly<Record<string, unknown>>
  readonly header?: Readonly<Record<string, unknown>>
}

/** A good proof for a POST to `/mcp/notes`, but for what is bent. */
function prove({ pair, jwk }: Key, token: string, { claims = {}, header = {} }: Bent = {}): Promise<string> {
  return new SignJWT({
    jti: randomUUID(),
    htm: 'POST',
    htu: URL_OF_NOTES,
    iat: Math.floor(Date.now() / 1000),
    ath: createHash('sha256').update(token).digest('base64url'),
    ...claims,
  })
    .setProtectedHeader({ alg: 'ES256', typ: 'dpop+jwt', jwk, ...header })
    .sign(pair.privateKey)
}

async function prepare(t: Teardown) {
  const upstream = await startHostileUpstream(t)
  const stage = await setStage(t, [{ url: upstream.url }])
  const key = await createKey()
  const token = await stage.token({ cnf: { jkt: key.jkt } })
  const present = (dpop: string | null, scheme = 'DPoP') =>
    send(stage, { headers: { authorization: `${scheme} ${token}`, dpop }, body: BODY })
  return { upstream, stage, key, token, present }
}

function isRefused({ status, headers }: Answer, error: string): boolean {
  const challenge = headers['www-authenticate'] ?? ''
  return (
    status === 401 &&
    challenge.startsWith('Bearer resource_metadata="') &&
    challenge.includes(`DPoP error="${error}"`)
  )
}

for (const alg of ['ES256', 'Ed25519', 'RS256', 'PS256']) {
  t.test(`a token bound to a key is good with a proof by that key (${alg})`, async (t) => {
    const upstream = await startHostileUpstream(t)
    const stage = await setStage(t, [{ url: upstream.url }])
    const key = await createKey(alg)
    const token = await stage.token({ cnf: { jkt: key.jkt } })
    const dpop = await prove(key, token, { header: { alg } })
    const answer = await send(stage, { headers: { authorization: `DPoP ${token}`, dpop } })
    t.equal(answer.status, 200)
    const [arrival] = upstream.arrivals
    t.notOk(arrival?.headers.dpop, 'the proof is not passed on')
    t.notOk(arrival?.headers.authorization)
  })
}

t.test('every way in which a proof can be wrong is refused, and nothing is passed on', async (t) => {
  const { upstream, key, token, present } = await prepare(t)
  const other = await createKey()
  const now = Math.floor(Date.now() / 1000)
  const privateJwk = await exportJWK(key.pair.privateKey)
  const good = await prove(key, token)
  const [head = '', payload = ''] = good.split('.')
  const unsigned = `${Buffer.from(JSON.stringify({ alg: 'none', typ: 'dpop+jwt', jwk: key.jwk })).toString('base64url')}.${payload}.`
  const claims = (bent: Bent['claims']) => prove(key, token, { claims: bent ?? {} })

  const wrong: Record<string, string | null> = {
    'no proof': null,
    'no JWT': 'x',
    'two proofs': `${good}, ${await prove(key, token)}`,
    'no signature': `${head}.${payload}.`,
    'alg none': unsigned,
    'a signature that is cut': good.slice(0, -4),
    'another typ': await prove(key, token, { header: { typ: 'JWT' } }),
    'another key than the token is bound to': await prove(other, token),
    'a key that did not sign': await prove({ ...other, jwk: key.jwk }, token),
    'a private key': await prove(key, token, { header: { jwk: privateJwk } }),
    'no key': await prove(key, token, { header: { jwk: undefined } }),
    'a key for another algorithm': await prove(key, token, { header: { jwk: { ...key.jwk, crv: 'P-384' } } }),
    'another method': await claims({ htm: 'GET' }),
    'the method in lower case': await claims({ htm: 'post' }),
    'another host': await claims({ htu: 'https://other.example/mcp/notes' }),
    'another path': await claims({ htu: `${PUBLIC_URL}/mcp` }),
    'no URL': await claims({ htu: undefined }),
    'another token': await claims({ ath: createHash('sha256').update('x').digest('base64url') }),
    'no token': await claims({ ath: undefined }),
    'signed six minutes ago': await claims({ iat: now - 360 }),
    'signed in six minutes': await claims({ iat: now + 360 }),
    'no time': await claims({ iat: undefined }),
    'no jti': await claims({ jti: undefined }),
    'another body': await claims({ content_digest: 'sha-256=:AAAA:' }),
  }
  for (const [how, proof] of Object.entries(wrong))
    t.ok(isRefused(await present(proof), 'invalid_dpop_proof'), how)
  t.equal(upstream.arrivals.length, 0)

  const digest = `sha-256=:${createHash('sha256').update(BODY).digest('base64')}:`
  for (const bent of [{}, { iat: now - 290 }, { htu: `${URL_OF_NOTES}?x=1` }, { content_digest: digest }])
    t.equal((await present(await claims(bent))).status, 200, 'a good one')
})

t.test('a proof is good once, also for two requests at the same moment', async (t) => {
  const { key, token, present } = await prepare(t)
  const proof = await prove(key, token)
  const answers = await Promise.all(Array.from({ length: 5 }, () => present(proof)))
  t.equal(answers.filter(({ status }) => status === 200).length, 1)
  t.equal(answers.filter((answer) => isRefused(answer, 'invalid_dpop_proof')).length, 4)
  t.equal((await present(await prove(key, token))).status, 200, 'the next one is')
})

t.test('a proof that another replica saw is refused', async (t) => {
  const upstream = await startHostileUpstream(t)
  const seen = new Set<string>()
  const claimProof = async (id: string) => !seen.has(id) && seen.add(id).has(id)
  const replicas = [
    await setStage(t, [{ url: upstream.url }], { claimProof }),
    await setStage(t, [{ url: upstream.url }], { claimProof }),
  ]
  const key = await createKey()
  const [first, second] = replicas
  if (!first || !second) throw new Error('two replicas')
  second.keys.clear()
  for (const [kid, publicKey] of first.keys) second.keys.set(kid, publicKey)
  const token = await first.token({ cnf: { jkt: key.jkt } })
  const dpop = await prove(key, token)
  const headers = { authorization: `DPoP ${token}`, dpop }
  t.equal((await send(first, { headers })).status, 200)
  t.ok(isRefused(await send(second, { headers }), 'invalid_dpop_proof'))
})

t.test('a bound token is no bearer token, and a bearer token is no bound one', async (t) => {
  const { upstream, stage, key, token, present } = await prepare(t)
  const downgraded = await present(await prove(key, token), 'Bearer')
  t.equal(downgraded.status, 401)
  t.match(downgraded.headers['www-authenticate'], /^Bearer error="invalid_token", .*bound to a key/)

  const bearer = await stage.token()
  const dpop = await prove(key, bearer)
  const upgraded = await send(stage, { headers: { authorization: `DPoP ${bearer}`, dpop } })
  t.ok(isRefused(upgraded, 'invalid_token'))

  const unknown = await stage.token({ cnf: { 'x5t#S256': 'thumbprint' } })
  t.equal((await send(stage, { token: unknown })).status, 401, 'bound in another way')
  const both = await stage.token({ cnf: { jkt: key.jkt, 'x5t#S256': 'thumbprint' } })
  const proof = await prove(key, both)
  t.equal((await send(stage, { headers: { authorization: `DPoP ${both}`, dpop: proof } })).status, 401)
  t.equal(upstream.arrivals.length, 0)

  t.equal((await send(stage, { token: bearer })).status, 200, 'each in its own way')
  t.equal((await present(await prove(key, token))).status, 200)
})

t.test('a bound token is still only for its resource, its time and its grant', async (t) => {
  const { stage, key, token, present } = await prepare(t)
  const elsewhere = await stage.token({ cnf: { jkt: key.jkt }, aud: `${PUBLIC_URL}/mcp/other` })
  const headers = { authorization: `DPoP ${elsewhere}`, dpop: await prove(key, elsewhere) }
  t.ok(isRefused(await send(stage, { headers }), 'invalid_token'))

  t.equal((await present(await prove(key, token))).status, 200)
  stage.revoked.add('grant-1')
  t.ok(isRefused(await present(await prove(key, token)), 'invalid_token'))
})
