// Owns the measurement behind the choice of the signing algorithm: run it with `node test/bench/signing.ts`.

import { createPublicKey, type KeyObject, randomUUID } from 'node:crypto'
import { CompactSign, exportJWK, generateKeyPair, type JWK } from 'jose'
import { type KeySource, verifyAccessToken } from '../../src/gateway/access-token.ts'

const ALGORITHMS = ['ES256', 'EdDSA', 'RS256'] as const
const OPERATIONS = 1_000
const ROUNDS = 7
const ISSUER = 'https://gate.example'
const KID = 'measured'

interface Cost {
  readonly algorithm: string
  readonly signCpu: number
  readonly signWall: number
  readonly verify: number
  readonly tokenBytes: number
}

/** Signs as oidc-provider does (jose, a private JWK) and verifies as the gateway does, with the claims of a real token. */
async function measure(algorithm: (typeof ALGORITHMS)[number]): Promise<Cost> {
  const { privateKey, publicKey } = await generateKeyPair(algorithm, { extractable: true })
  const privateJwk = await exportJWK(privateKey)
  const keys = keySource(algorithm, createPublicKey({ key: await exportJWK(publicKey), format: 'jwk' }))
  const token = await sign(algorithm, privateJwk)
  if (typeof verifyAccessToken(token, ISSUER, keys, now()) === 'string') throw new Error('not a valid token')

  const signs = await median(() => repeat(() => sign(algorithm, privateJwk)))
  const verifies = await median(() => repeat(async () => verifyAccessToken(token, ISSUER, keys, now())))
  return {
    algorithm,
    signCpu: signs.cpu,
    signWall: signs.wall,
    verify: verifies.cpu,
    tokenBytes: token.length,
  }
}

function keySource(alg: string, key: KeyObject): KeySource {
  const found = { alg, key }
  return { find: (kid) => (kid === KID ? found : null) }
}

function sign(alg: string, privateJwk: JWK): Promise<string> {
  const claims = {
    jti: randomUUID(),
    sub: 'usr_lLlJUwHS8J2-5uQqt2LBuw',
    iat: now(),
    exp: now() + 600,
    scope: 'notes notes:read',
    client_id: 'V1StGXR8_Z5jdHi6B-myTV1StGXR8_Z5jdHi6B-myT',
    iss: ISSUER,
    aud: `${ISSUER}/mcp`,
    gid: 'V1StGXR8_Z5jdHi6B-myTV1StGXR8_Z5jdHi6B-myT',
  }
  return new CompactSign(Buffer.from(JSON.stringify(claims)))
    .setProtectedHeader({ alg, typ: 'at+jwt', kid: KID })
    .sign(privateJwk)
}

interface Spent {
  readonly cpu: number
  readonly wall: number
}

/** Microseconds for one operation. CPU counts every thread, since jose signs on another one. */
async function repeat(operation: () => Promise<unknown>): Promise<Spent> {
  const cpu = process.cpuUsage()
  const started = performance.now()
  for (let index = 0; index < OPERATIONS; index++) await operation()
  const { user, system } = process.cpuUsage(cpu)
  return { cpu: (user + system) / OPERATIONS, wall: ((performance.now() - started) * 1000) / OPERATIONS }
}

async function median(measureOnce: () => Promise<Spent>): Promise<Spent> {
  await measureOnce()
  const rounds: Spent[] = []
  for (let round = 0; round < ROUNDS; round++) rounds.push(await measureOnce())
  rounds.sort((one, other) => one.cpu - other.cpu)
  return rounds[Math.floor(ROUNDS / 2)] ?? { cpu: Number.NaN, wall: Number.NaN }
}

function now(): number {
  return Math.floor(Date.now() / 1000)
}

const costs: Cost[] = []
for (const algorithm of ALGORITHMS) costs.push(await measure(algorithm))

const rows = costs.map(
  ({ algorithm, signCpu, signWall, verify, tokenBytes }) =>
    `| ${algorithm} | ${signCpu.toFixed(0)} | ${signWall.toFixed(0)} | ${verify.toFixed(0)} | ${(signCpu + verify).toFixed(0)} | ${tokenBytes} |`,
)
process.stdout.write(`Node ${process.version}, OpenSSL ${process.versions.openssl}, microseconds for one token, median of ${ROUNDS} rounds of ${OPERATIONS}

| | sign (CPU) | sign (elapsed) | verify (CPU) | sign + verify (CPU) | token, bytes |
|---|---|---|---|---|---|
${rows.join('\n')}
`)
