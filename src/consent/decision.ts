// Owns the decision whether a person has to be asked: pure, so that every case is one line of a table.

import type { ConsentQuestion } from '../oauth/consent-question.ts'
import { includesAll } from '../oauth/scope.ts'

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
