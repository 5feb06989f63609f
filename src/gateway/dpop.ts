// Owns the second way to present a token: bound to a key that signs each request (RFC 9449 §7, MCP's DPoP profile).

import { createHash } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import { LRUCache } from 'lru-cache'
import { type Proof, type ProofFault, verifyProof } from '../http/dpop-proof.ts'

export interface DpopNeeds {
  /**
   * RFC 9449 §11.1, across replicas: true for only one of all calls with one identifier, until that many seconds since
   * the epoch. Absent: each replica knows what it saw itself.
   */
  readonly claimProof?: ((id: string, until: number) => Promise<boolean>) | undefined
  /** Milliseconds. */
  readonly clock: () => number
}

export interface Presented {
  /** The public URL of the resource, which is what the client signed. */
  readonly url: string
  readonly token: string
  /** The thumbprint of the key that the token is bound to. */
  readonly jkt: string
}

export interface Dpop {
  /** The proof of this request, spent by asking; or what is wrong with it. */
  prove(req: IncomingMessage, presented: Presented): Promise<Proof | ProofFault>
}

/** Of the last minutes. More would have to be 160 calls a second for all of the window; the shared check still holds then. */
const REMEMBERED_PROOFS = 100_000
const USED = 'The proof was used before'

export function createDpop({ claimProof, clock }: DpopNeeds): Dpop {
  const seen = new LRUCache<string, number>({ max: REMEMBERED_PROOFS })

  /** At once, so that two requests with one proof cannot both find it unused. */
  function spend({ id, usableUntil }: Proof, now: number): boolean {
    const until = seen.get(id)
    seen.set(id, usableUntil)
    return until === undefined || until < now
  }

  return {
    async prove(req, { url, token, jkt }) {
      const { dpop } = req.headers
      const now = Math.floor(clock() / 1000)
      // Node joins several with commas, which no proof has in it.
      if (typeof dpop !== 'string') return 'A proof is needed (RFC 9449)'
      const proof = verifyProof(dpop, { method: req.method ?? '', url, accessToken: token, now })
      if (typeof proof === 'string') return proof
      if (proof.thumbprint !== jkt) return 'The proof was signed with another key than the token is bound to'
      if (!spend(proof, now)) return USED
      if (claimProof && !(await claimProof(proof.id, proof.usableUntil))) return USED
      return proof
    },
  }
}

/** RFC 9530 §2, in the one form that MCP's DPoP profile allows. */
export function contentDigestOf(body: Uint8Array): string {
  return `sha-256=:${createHash('sha256').update(body).digest('base64')}:`
}
