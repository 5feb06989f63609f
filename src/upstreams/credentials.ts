// Owns what Gatehouse presents to an upstream beside that upstream's own static headers.

import type { Caller } from '../oauth/caller.ts'
import type { Upstream } from './registry.ts'

export type Credential =
  /** The upstream's static headers are all there is. */
  | { readonly kind: 'none' }
  /** One more header, of this caller or of the service. It wins over a static header of the same name. */
  | { readonly kind: 'header'; readonly name: string; readonly value: string }

/** What to present for this caller: never the token that the caller sent us. */
export type CredentialFor = (caller: Caller, upstream: Upstream) => Promise<Credential> | Credential

const NONE: Credential = { kind: 'none' }

/** For upstreams whose configuration says it all. */
export const staticCredentials: CredentialFor = () => NONE
