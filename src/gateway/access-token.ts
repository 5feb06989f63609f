// Owns the verification of an access token: RFC 9068 §4, with RFC 8725's advice, and nothing fetched.

import { type KeyObject, verify } from 'node:crypto'
import { isRecord } from '../mcp/rpc.ts'
import type { Caller } from '../oauth/caller.ts'
import { parseScope } from '../oauth/scope.ts'
import { derSignature } from './ecdsa-signature.ts'

export interface VerificationKey {
  /** Public. */
  readonly key: KeyObject
  /** The one algorithm that it is for (RFC 8725 §3.1). */
  readonly alg: string
}

/** The issuer's keys, at hand: a token cannot make anybody fetch one. */
export interface KeySource {
  find(kid: string): VerificationKey | null
}

export interface VerifiedToken {
  readonly caller: Caller
  /** RFC 9449 §6.1: the thumbprint of the key that the token is bound to. Null: whoever bears it may use it. */
  readonly jkt: string | null
  readonly kid: string
  readonly key: KeyObject
}

/** What is wrong, in words for the client that sent it. */
export type TokenFault = string

const ALGORITHMS: Readonly<
  Record<string, { readonly digest: string | null; readonly signatureBytes?: number; readonly ecdsa?: true }>
> = {
  // IEEE P1363: r and s, 32 bytes each, never DER (RFC 7518 §3.4).
  ES256: { digest: 'sha256', signatureBytes: 64, ecdsa: true },
  EdDSA: { digest: null, signatureBytes: 64 },
  RS256: { digest: 'sha256' },
}

/** RFC 9068 §2.1: either spelling of the media type. */
const TYPES: ReadonlySet<unknown> = new Set(['at+jwt', 'application/at+jwt'])
const PARTS = /^([\w-]+)\.([\w-]+)\.([\w-]+)$/
const EXPIRY_LEEWAY_SECONDS = 5
const FUTURE_LEEWAY_SECONDS = 30

const UNVERIFIABLE = 'The access token is not one of this issuer'

/**
 * The token's caller, or what is wrong with it. Whether it is for the resource at hand, and whether its grant still stands,
 * is asked at each use and not here.
 */
export function verifyAccessToken(
  token: string,
  issuer: string,
  keys: KeySource,
  now: number,
): VerifiedToken | TokenFault {
  const parts = PARTS.exec(token)
  if (!parts) return 'The access token is not well-formed'
  const [, header = '', payload = '', signature = ''] = parts
  const trusted = trustedKey(decode(header), keys)
  if (!trusted || !signed(`${header}.${payload}`, signature, trusted)) return UNVERIFIABLE
  const claims = decode(payload)
  const caller = callerOf(claims, issuer, now)
  if (typeof caller === 'string') return caller
  const jkt = confirmationOf(claims)
  if (jkt === undefined) return 'The access token is bound in a way that is not understood'
  return { caller, jkt, kid: trusted.kid, key: trusted.key }
}

/** One place says when a token is over, for the first use and for every later one. */
export function isExpired(expiresAt: number, now: number): boolean {
  return now > expiresAt + EXPIRY_LEEWAY_SECONDS
}

function trustedKey(header: unknown, keys: KeySource): (VerificationKey & { readonly kid: string }) | null {
  if (!isRecord(header)) return null
  const { alg, typ, kid, crit, b64 } = header
  // RFC 7515 §4.1.11: none is understood, so each one is refused.
  if (crit !== undefined || b64 !== undefined) return null
  if (!TYPES.has(typeof typ === 'string' ? typ.toLowerCase() : typ) || typeof kid !== 'string') return null
  const found = keys.find(kid)
  if (!found || found.alg !== alg || !Object.hasOwn(ALGORITHMS, found.alg)) return null
  return { ...found, kid }
}

function signed(text: string, signature: string, { key, alg }: VerificationKey): boolean {
  const algorithm = ALGORITHMS[alg]
  const bytes = Buffer.from(signature, 'base64url')
  if (!algorithm) return false
  if (algorithm.signatureBytes !== undefined && bytes.length !== algorithm.signatureBytes) return false
  return verify(algorithm.digest, Buffer.from(text), key, algorithm.ecdsa ? derSignature(bytes) : bytes)
}

function callerOf(claims: unknown, issuer: string, now: number): Caller | TokenFault {
  if (!isRecord(claims) || claims.iss !== issuer) return UNVERIFIABLE
  const { exp, nbf, iat, sub, client_id: clientId, scope, gid, consented_at, groups = [] } = claims
  if (!isTime(exp)) return UNVERIFIABLE
  if (isExpired(exp, now)) return 'The access token has expired'
  if (isFuture(nbf, now) || isFuture(iat, now)) return 'The access token is not valid yet'
  const resource = audienceOf(claims.aud)
  if (!isName(sub) || !isName(clientId) || resource === null) return UNVERIFIABLE
  if (!isOptionalText(scope) || !isOptionalText(gid) || !isNames(groups)) return UNVERIFIABLE
  return {
    subject: sub,
    clientId,
    grantId: gid ?? null,
    scopes: parseScope(scope),
    groups: new Set(groups),
    resource,
    consentedAt: isTime(consented_at) ? consented_at : null,
    issuedAt: isTime(iat) ? iat : 0,
    expiresAt: exp,
  }
}

/** RFC 7800 §3.1: null when the token is bound to nothing, undefined when it is to something else than a key of RFC 9449. */
function confirmationOf(claims: unknown): string | null | undefined {
  if (!isRecord(claims) || claims.cnf === undefined) return null
  const { cnf } = claims
  if (!isRecord(cnf) || Object.keys(cnf).length !== 1) return undefined
  return isName(cnf.jkt) ? cnf.jkt : undefined
}

/** Exactly one: a token for several resources can be replayed from one to the other. */
function audienceOf(aud: unknown): string | null {
  const only: unknown = Array.isArray(aud) && aud.length === 1 ? aud[0] : aud
  return typeof only === 'string' ? only : null
}

function isTime(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value)
}

function isFuture(time: unknown, now: number): boolean {
  return time !== undefined && (!isTime(time) || time > now + FUTURE_LEEWAY_SECONDS)
}

function isName(value: unknown): value is string {
  return typeof value === 'string' && value !== ''
}

function isNames(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every(isName)
}

function isOptionalText(value: unknown): value is string | undefined {
  return value === undefined || typeof value === 'string'
}

function decode(part: string): unknown {
  try {
    return JSON.parse(Buffer.from(part, 'base64url').toString('utf8'))
  } catch {
    return null
  }
}
