// Owns the browser cookies of the authorization server.

import type { Configuration } from 'oidc-provider'
import type { Keyring } from '../storage/sealing.ts'

/**
 * RFC 6265bis §4.1.3: over https the session carries the `__Host-` prefix, so that no sibling domain can set it. An
 * interaction's cookies live under its own path, so that two tabs can sign in at once, which that prefix forbids.
 */
export function cookies(issuer: string, keyring: Keyring): NonNullable<Configuration['cookies']> {
  const https = issuer.startsWith('https:')
  const attributes = {
    httpOnly: true,
    overwrite: true,
    sameSite: 'lax',
    secure: https,
    signed: true,
  } as const
  return {
    keys: keyring.derive('browser-cookies', 32).map((key) => key.toString('base64url')),
    names: https
      ? { session: '__Host-session', interaction: '__Secure-interaction', resume: '__Secure-resume' }
      : { session: 'session', interaction: 'interaction', resume: 'resume' },
    long: attributes,
    short: attributes,
  }
}
