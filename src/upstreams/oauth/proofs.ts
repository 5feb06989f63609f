// Owns proofs of possession (RFC 9449): the key that tokens are bound to, a proof for each request, and the nonces that servers want in it.

import {
  createHash,
  createPrivateKey,
  generateKeyPairSync,
  type KeyObject,
  randomUUID,
  sign,
} from 'node:crypto'
import { LRUCache } from 'lru-cache'
import * as z from 'zod'

/** ES256, which every server that speaks DPoP has to know in practice. Kept sealed, with the tokens that are bound to it. */
export const proofKey = z.object({
  kty: z.literal('EC'),
  crv: z.literal('P-256'),
  x: z.string(),
  y: z.string(),
  d: z.string(),
})

export type ProofKey = z.output<typeof proofKey>

export const PROOF_ALGORITHM = 'ES256'

export function createProofKey(): ProofKey {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  return proofKey.parse(privateKey.export({ format: 'jwk' }))
}

/** RFC 7638: what a server knows the key by. */
export function thumbprintOf({ crv, kty, x, y }: ProofKey): string {
  return digest(JSON.stringify({ crv, kty, x, y }))
}

/** A key in use at one place. */
export interface Prover {
  /** The header `DPoP` of one request: good for that one alone. */
  prove(method: string, url: string): string
  /** The header `DPoP-Nonce` of any answer from there (RFC 9449 §8.2): what the next proof has to name. */
  heard(nonce: unknown): void
}

export interface Proofs {
  /** `place`: the one whose nonces these are. `token`: what is presented with the proofs, where it is not asked for yet null. */
  prover(key: ProofKey, place: string, token: string | null): Prover
}

const MOST_NONCES = 5000
/** RFC 9449 §8.1, and no more than a header should hold. */
const NONCE = /^[\x21\x23-\x5b\x5d-\x7e]{1,1024}$/

/** Nonces are remembered in memory: a replica that does not know one is told it, at the price of one more request. */
export function createProofs(): Proofs {
  const nonces = new LRUCache<string, string>({ max: MOST_NONCES })

  return {
    prover(key, place, token) {
      const slot = `${thumbprintOf(key)} ${place}`
      const privateKey = createPrivateKey({ key, format: 'jwk' })
      const { d: _, ...jwk } = key
      const head = encode({ alg: PROOF_ALGORITHM, typ: 'dpop+jwt', jwk })
      const ath = token === null ? {} : { ath: digest(token) }
      return {
        prove(htm, url) {
          const nonce = nonces.get(slot)
          const about = { htm, htu: withoutQuery(url), ...ath, ...(nonce !== undefined && { nonce }) }
          const claims = { jti: randomUUID(), iat: Math.floor(Date.now() / 1000), ...about }
          return signed(`${head}.${encode(claims)}`, privateKey)
        },
        heard(nonce) {
          if (typeof nonce === 'string' && NONCE.test(nonce)) nonces.set(slot, nonce)
        },
      }
    },
  }
}

/** RFC 9449 §4.2: of the target, neither query nor fragment. */
function withoutQuery(url: string): string {
  const { origin, pathname } = new URL(url)
  return origin + pathname
}

function signed(input: string, key: KeyObject): string {
  const signature = sign('sha256', Buffer.from(input), { key, dsaEncoding: 'ieee-p1363' })
  return `${input}.${signature.toString('base64url')}`
}

function encode(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url')
}

function digest(text: string): string {
  return createHash('sha256').update(text).digest('base64url')
}
