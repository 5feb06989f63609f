// Owns DPoP proofs (RFC 9449 §4): what one has to say, and whose key it shows.

import { constants, createHash, createPublicKey, type KeyObject, verify } from 'node:crypto'

/** For the metadata of the authorization server and of its resources (RFC 9449 §5.1, RFC 9728 §2). */
export const PROOF_ALGORITHMS = ['ES256', 'Ed25519', 'EdDSA', 'RS256', 'PS256'] as const

/** To both sides of the time of signing. MCP's DPoP profile asks for exactly this. */
export const PROOF_WINDOW_SECONDS = 300

export interface ExpectedProof {
  readonly method: string
  readonly url: string
  /** Null where no access token is presented: at the token endpoint. */
  readonly accessToken: string | null
  /** Seconds. */
  readonly now: number
}

export interface Proof {
  /** Of the key that signed it (RFC 7638): the `jkt` of a token that is bound to it. */
  readonly thumbprint: string
  /** Makes it usable once: the key and its `jti`, as one text of fixed length. */
  readonly id: string
  /** From then on its time of signing alone refuses it. */
  readonly usableUntil: number
  /** MCP's DPoP profile: what the body has to be; null when the client does not say. */
  readonly contentDigest: string | null
}

/** What is wrong, in words for the client that sent it. */
export type ProofFault = string

type Claims = Readonly<Record<string, unknown>>

const LONGEST = 4096
const PARTS = /^([\w-]+)\.([\w-]+)\.([\w-]+)$/
const BASE64URL = /^[\w-]+$/
/** 2048 and 4096 bits in base64url. More would only be work for us. */
const [SHORTEST_MODULUS, LONGEST_MODULUS] = [342, 683]

/** Whether its `jti` was seen before is for whoever remembers to say. */
export function verifyProof(proof: string, expected: ExpectedProof): Proof | ProofFault {
  const parts = proof.length > LONGEST ? null : PARTS.exec(proof)
  if (!parts) return 'The proof is not a JWT'
  const [, header = '', payload = '', signature = ''] = parts
  const signer = signerOf(decode(header))
  if (typeof signer === 'string') return signer
  if (!isSigned(`${header}.${payload}`, signature, signer)) return 'The signature of the proof does not fit'
  const claims = decode(payload)
  if (!claims) return 'The proof is not a JWT'
  return objection(claims, expected) ?? toProof(claims, signer)
}

/** RFC 9449 §4.3, from its sixth point on. */
function objection(claims: Claims, { method, url, accessToken, now }: ExpectedProof): ProofFault | null {
  const { htm, htu, iat, jti, ath } = claims
  if (typeof jti !== 'string' || jti === '') return 'The proof has no jti'
  if (htm !== method) return 'The proof is for another method'
  if (typeof htu !== 'string' || withoutQuery(htu) !== withoutQuery(url))
    return 'The proof is for another URL'
  if (typeof iat !== 'number' || !(Math.abs(now - iat) <= PROOF_WINDOW_SECONDS))
    return 'The proof was not signed just now'
  if (accessToken !== null && ath !== sha256(accessToken)) return 'The proof is for another access token'
  return null
}

function toProof({ jti, iat, content_digest: digest }: Claims, { thumbprint }: Signer): Proof {
  return {
    thumbprint,
    id: sha256(`${thumbprint} ${jti}`),
    usableUntil: Number(iat) + PROOF_WINDOW_SECONDS,
    contentDigest: digest === undefined ? null : String(digest),
  }
}

/** RFC 9449 §4.3: compared after normalization, without query and fragment. */
function withoutQuery(value: string): string | null {
  const url = URL.parse(value)
  return url && url.origin + url.pathname
}

interface Signer {
  readonly alg: string
  readonly key: KeyObject
  readonly thumbprint: string
}

function signerOf(header: Claims | null): Signer | ProofFault {
  if (header?.typ !== 'dpop+jwt') return 'The proof is not a dpop+jwt'
  const { alg, jwk, crit } = header
  // RFC 7515 §4.1.11: none is understood, so each one is refused.
  if (crit !== undefined) return 'The proof has a critical header that is not understood'
  const publicJwk = isRecord(jwk) && typeof alg === 'string' ? publicMembers(jwk, alg) : null
  if (typeof alg !== 'string' || !publicJwk)
    return 'The proof has no public key for an algorithm that is accepted'
  try {
    const key = createPublicKey({ key: publicJwk, format: 'jwk' })
    return { alg, key, thumbprint: sha256(JSON.stringify(publicJwk)) }
  } catch {
    return 'The key of the proof is not one'
  }
}

/** RFC 7638 §3.2: the members that make the key, in the order in which they are hashed. Null for a key of another kind. */
function publicMembers(jwk: Claims, alg: string): Record<string, string> | null {
  const { kty, crv, x, y, n, e, d } = jwk
  // RFC 9449 §4.2: a client that sends its private key has none any more.
  if (d !== undefined) return null
  if (alg === 'ES256' && kty === 'EC' && crv === 'P-256' && isBase64url(x) && isBase64url(y))
    return { crv, kty, x, y }
  if ((alg === 'EdDSA' || alg === 'Ed25519') && kty === 'OKP' && crv === 'Ed25519' && isBase64url(x))
    return { crv, kty, x }
  if (
    (alg === 'RS256' || alg === 'PS256') &&
    kty === 'RSA' &&
    isModulus(n) &&
    isBase64url(e) &&
    e.length <= 8
  )
    return { e, kty, n }
  return null
}

function isSigned(text: string, signature: string, { alg, key }: Signer): boolean {
  const bytes = Buffer.from(signature, 'base64url')
  const data = Buffer.from(text)
  if (alg === 'ES256')
    return bytes.length === 64 && verify('sha256', data, { key, dsaEncoding: 'ieee-p1363' }, bytes)
  if (alg === 'RS256') return verify('sha256', data, key, bytes)
  if (alg === 'PS256')
    return verify('sha256', data, { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 }, bytes)
  return verify(null, data, key, bytes)
}

function isBase64url(value: unknown): value is string {
  return typeof value === 'string' && BASE64URL.test(value)
}

function isModulus(value: unknown): value is string {
  return isBase64url(value) && value.length >= SHORTEST_MODULUS && value.length <= LONGEST_MODULUS
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('base64url')
}

function decode(part: string): Claims | null {
  try {
    const value: unknown = JSON.parse(Buffer.from(part, 'base64url').toString('utf8'))
    return isRecord(value) ? value : null
  } catch {
    return null
  }
}

function isRecord(value: unknown): value is Claims {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
