// Owns what a new password must be: long enough and not one of the first guesses. No composition rules (NIST SP 800-63B).

import { isTooLong, normalisePassword, PASSWORD_MAX_BYTES } from './password.ts'

export const PASSWORD_MIN_LENGTH = 8

/** The first guesses of anybody who tries, as far as the length rule lets them pass. */
const FIRST_GUESSES: ReadonlySet<string> = new Set(
  `password password1 password12 password123 password1234 passw0rd p@ssword p@ssw0rd passwort passwort1 motdepasse
   qwerty12 qwerty123 qwerty1234 qwertyui qwertyuiop qwertz123 azertyuiop asdfghjk asdfghjkl 1q2w3e4r 1q2w3e4r5t
   1qaz2wsx q1w2e3r4 zaq12wsx abcd1234 abcd12345 abc12345 a1b2c3d4 11223344 12341234 123123123 12344321 12345678
   123456789 1234567890 0123456789 87654321 987654321 0987654321 iloveyou iloveyou1 iloveyou2 sunshine sunshine1
   princess princess1 football football1 baseball baseball1 superman starwars trustno1 whatever letmein1 letmein123
   welcome1 welcome12 welcome123 changeme changeme1 changeme123 changeit admin123 admin1234 admin12345 adminadmin
   administrator administrator1 root1234 rootroot secret123 secret1234 topsecret test1234 testtest default1
   gatehouse gatehouse1 gatehouse123 computer internet samsung1 dragon123 monkey123 michelle jennifer`.split(
    /\s+/,
  ),
)

/** What is wrong with a new password, in words for the person; null when nothing is. */
export function newPasswordProblem(password: string, email: string): string | null {
  const normalised = normalisePassword(password)
  if ([...normalised].length < PASSWORD_MIN_LENGTH) {
    return `Use at least ${PASSWORD_MIN_LENGTH} characters. Several words in a row are easy to remember.`
  }
  if (isTooLong(password)) return `Use at most ${PASSWORD_MAX_BYTES} bytes.`
  if (isFirstGuess(normalised.toLowerCase(), email.toLowerCase())) {
    return 'This password is among the first that somebody would guess. Choose another one.'
  }
  return null
}

function isFirstGuess(password: string, email: string): boolean {
  const [local = '', domain = ''] = email.split('@')
  return (
    FIRST_GUESSES.has(password) ||
    new Set(password).size < 3 ||
    [email, local, domain, local.repeat(2)].includes(password)
  )
}
