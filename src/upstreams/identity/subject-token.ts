// Owns the words for what another identity provider has said of a person, and where it comes from.

import type { Caller } from '../../oauth/caller.ts'
import type { Wanting } from '../connections/binding.ts'

/** An ID token of the provider (OpenID Connect Core §2), by which the person is known there. */
export interface SubjectToken {
  readonly token: string
  /** The provider does not accept it any more. `why` is for people. */
  ended(why: string): Promise<void>
}

/** Rejects with ConnectFirst while there is none of this person. Whoever signs in here by the provider would have one, too. */
export type SubjectTokenOf = (caller: Caller, upstream: Wanting) => Promise<SubjectToken>
