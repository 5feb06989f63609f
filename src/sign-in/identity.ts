// Owns what an email address and a name may be, so that two accounts never look the same by characters nobody sees.

import { visibleText } from '../http/display.ts'

/** RFC 5321 §4.5.3.1.3, without the angle brackets. */
const EMAIL_MAX_LENGTH = 254
const NAME_MAX_LENGTH = 100

/** One @ between two parts without spaces, quotes or list separators. Whether it receives mail is not asked. */
const EMAIL = /^[^\s@"(),:;<>[\]\\]{1,64}@[^\s@"(),:;<>[\]\\]+$/

/** What is wrong with the address of a new person, in words for them; null when nothing is. */
export function newEmailProblem(email: string): string | null {
  const problem = typedEmailProblem(email)
  if (problem) return problem
  // Compatibility forms first: a fullwidth ＠ becomes an @ when the address is stored for comparison.
  return EMAIL.test(email.normalize('NFKC').trim()) ? null : 'Enter an email address, like name@example.com.'
}

/** What keeps an address from being looked up at all. The answer depends on the text alone, never on who exists. */
export function typedEmailProblem(email: string): string | null {
  if (email.trim() === '') return 'Enter your email address.'
  if (email.length > EMAIL_MAX_LENGTH) return `Use at most ${EMAIL_MAX_LENGTH} characters.`
  if (hasInvisible(email))
    return 'The address has characters in it that cannot be seen. Type it instead of pasting it.'
  return null
}

export function newNameProblem(name: string): string | null {
  if (name.trim() === '') return 'Enter a name.'
  if (name.length > NAME_MAX_LENGTH) return `Use at most ${NAME_MAX_LENGTH} characters.`
  if (hasInvisible(name)) return 'The name has characters in it that cannot be seen.'
  return null
}

/** For a person who gave no name. */
export function nameFromEmail(email: string): string {
  return email.trim().split('@')[0] ?? ''
}

function hasInvisible(text: string): boolean {
  return visibleText(text) !== text
}
