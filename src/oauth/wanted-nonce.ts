// Owns what a challenge of somebody else's says of proofs of possession: that they are taken, and which nonce one lacks (RFC 9449 §7, §9).

const TAKEN = /(?:^|,)\s*dpop(?:\s|$|,)/i
const WANTED = /(?:^|,)\s*dpop\s[^\r\n]*\berror="?use_dpop_nonce\b/i

/** `header`: `WWW-Authenticate` of an answer, or several of them. */
export function takesProofs(header: unknown): boolean {
  return challengesIn(header).some((challenge) => TAKEN.test(challenge))
}

export function wantsNonce(status: number, header: unknown): boolean {
  return status === 401 && challengesIn(header).some((challenge) => WANTED.test(challenge))
}

function challengesIn(header: unknown): readonly string[] {
  const given: readonly unknown[] = Array.isArray(header) ? header : [header]
  return given.filter((challenge) => typeof challenge === 'string')
}
