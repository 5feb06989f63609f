// Owns who can make the login that a caller's calls use, and what is said to those who cannot. Pure.

import type { Upstream } from '../registry.ts'

/** Who can make the login that a caller's calls use. */
export type WhoConnects =
  /** Their person, by the link. */
  | { readonly kind: 'caller' }
  /** It is everybody's, and the caller is no administrator. */
  | { readonly kind: 'administrator' }
  /** The caller is a service account: nobody can sign in here as one. */
  | { readonly kind: 'operator'; readonly account: string }
  /** The caller is a client by itself (RFC 6749 §4.4), which has no account here. */
  | { readonly kind: 'nobody' }

/** `isMore`: there is a login, which does not reach far enough. */
export function elsewhere(
  who: Exclude<WhoConnects, { kind: 'caller' }>,
  { name, title }: Upstream,
  isMore: boolean,
): string {
  const wish = isMore ? 'wants more to be allowed for this' : 'wants a login first'
  switch (who.kind) {
    case 'administrator':
      return isMore
        ? `${title} has one login for everybody here, and it does not reach far enough for this. An administrator who calls the same is asked to allow more; then try again.`
        : `${title} has one login for everybody here, and nobody has made it yet. An administrator has to log in there first; then try again.`
    case 'operator':
      return `${title} ${wish}, and this is a service account, as which nobody signs in. An operator makes its login: gatehouse upstream login ${name} --user ${who.account} --flow device`
    case 'nobody':
      return `${title} ${wish}, of a person, and this client calls by itself. It can use servers with a login that everybody shares, or without one.`
  }
}
