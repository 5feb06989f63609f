// Owns the decision whether a person has to be asked: pure, so that every case is one line of a table.

import { includesAll } from '../oauth/scope.ts'

export interface RememberedConsent {
  readonly scopes: ReadonlySet<string>
  readonly redirectHost: string
  readonly clientFingerprint: string
}

/** Remembered consents are kept per person, client and resource, so those three agree already. */
export interface ConsentQuestion {
  readonly requested: ReadonlySet<string>
  readonly remembered: RememberedConsent | null
  /** The request's `prompt` parameter, space-delimited. */
  readonly prompt: string
  /** What the client is now, in the terms in which it was remembered. */
  readonly clientFingerprint: string
  readonly redirectHost: string
  readonly redirectIsLoopback: boolean
  /** The client's identifier is a public URL that anybody can name (client ID metadata document). */
  readonly clientIsPublicDocument: boolean
  /** Tools are held until agreed to, and there are some that the person has not seen. */
  readonly hasHeldTools: boolean
}

export function decideConsent(question: ConsentQuestion): 'granted' | 'ask' {
  const { requested, remembered, prompt } = question
  if (remembered === null) return 'ask'
  // OpenID Connect Core §3.1.2.1.
  if (prompt.split(' ').includes('consent')) return 'ask'
  if (canBeClaimedByAnyProgram(question)) return 'ask'
  if (question.hasHeldTools) return 'ask'
  if (remembered.clientFingerprint !== question.clientFingerprint) return 'ask'
  if (remembered.redirectHost !== question.redirectHost) return 'ask'
  return includesAll(remembered.scopes, requested) ? 'granted' : 'ask'
}

/** RFC 8252 §8.6: with a public identifier and a loopback redirect, any program on the machine can be this client. */
function canBeClaimedByAnyProgram({ clientIsPublicDocument, redirectIsLoopback }: ConsentQuestion): boolean {
  return clientIsPublicDocument && redirectIsLoopback
}
