// Owns what Gatehouse presents to an upstream beside that upstream's own static headers.

import type { PeerAnswer, PeerRequest, Visitor } from '../mcp/peer.ts'
import type { Caller } from '../oauth/caller.ts'
import type { Prover } from './oauth/proofs.ts'
import type { Upstream } from './registry.ts'

export type Credential =
  /** The upstream's static headers are all there is. */
  | { readonly kind: 'none' }
  /** One more header, of this caller or of the service. It wins over a static header of the same name. */
  | {
      readonly kind: 'header'
      readonly name: string
      readonly value: string
      /** What is presented is bound to a key (RFC 9449): each request proves that it is ours, in `DPoP`. */
      readonly prover?: Prover
    }

/** Whatever proves that what is presented is ours, for each request anew. */
export function proverOf(credential: Credential): Prover | undefined {
  return credential.kind === 'header' ? credential.prover : undefined
}

/** What to present for this caller: never the token that the caller sent us. */
export type CredentialFor = (caller: Caller, upstream: Upstream) => Promise<Credential> | Credential

const NONE: Credential = { kind: 'none' }

/** For upstreams whose configuration says it all. */
export const staticCredentials: CredentialFor = () => NONE

/**
 * What came of presenting it: the upstream did not accept it. True when there may be another one now, worth one more try.
 * Rejects with CredentialUnavailable when there may be one later.
 */
export type CredentialRefused = (
  caller: Caller,
  upstream: Upstream,
  credential: Credential,
) => Promise<boolean>

/**
 * What a caller is answered whose login does not reach as far as `scope`, or who has none (null). For whoever cannot come
 * back to the same call: it is asked anew afterwards.
 */
export type AskForLogin = (
  visitor: Visitor,
  request: PeerRequest,
  upstream: Upstream,
  scope: string | null,
) => Promise<PeerAnswer>

/** There is nothing to present before this person has logged in over there. Thrown by a `CredentialFor`. */
export class ConnectFirst extends Error {
  /** The upstream's name, and what people call it. */
  readonly upstream: string
  readonly title: string
  /** It was connected once, and the upstream does not accept that any more. */
  readonly expired: boolean

  constructor({ name, title }: Pick<Upstream, 'name' | 'title'>, expired: boolean) {
    super(`The upstream "${name}" wants a login first.`)
    this.name = 'ConnectFirst'
    this.upstream = name
    this.title = title
    this.expired = expired
  }
}

/** What there is to present cannot be had at the moment. Thrown by a `CredentialFor`. */
export class CredentialUnavailable extends Error {
  /** An outage: the same call may work later. Else somebody has said no. */
  readonly later: boolean

  constructor(options: ErrorOptions & { readonly later?: boolean } = {}) {
    super('What is to be presented to the upstream cannot be had at the moment.', options)
    this.name = 'CredentialUnavailable'
    this.later = options.later ?? true
  }
}

/** Before a call is worth making again that failed because of it. */
export const UNAVAILABLE_SECONDS = 3

/** What tells the `requestState` of a call that waits for a login from those of upstreams (see connections/asking.ts). */
export const CONNECT_STATE_PREFIX = 'connect.'

export function isConnectState(state: unknown): boolean {
  return typeof state === 'string' && state.startsWith(CONNECT_STATE_PREFIX)
}
