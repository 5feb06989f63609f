// Owns the browser cookies of the authorization server.

import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Configuration, Provider } from 'oidc-provider'
import type { Keyring } from '../storage/sealing.ts'

/**
 * RFC 6265bis §4.1.3: over https the session carries the `__Host-` prefix, so that no sibling domain can set it. An
 * interaction's cookies live under its own path, so that two tabs can sign in at once, which that prefix forbids.
 */
export function cookies(issuer: string, keyring: Keyring): NonNullable<Configuration['cookies']> {
  const https = issuer.startsWith('https:')
  const attributes = attributesOf(issuer)
  return {
    keys: keyring.derive('browser-cookies', 32).map((key) => key.toString('base64url')),
    names: https
      ? { session: '__Host-session', interaction: '__Secure-interaction', resume: '__Secure-resume' }
      : { session: 'session', interaction: 'interaction', resume: 'resume' },
    long: attributes,
    short: attributes,
  }
}

function attributesOf(issuer: string) {
  return {
    httpOnly: true,
    overwrite: true,
    sameSite: 'lax',
    secure: issuer.startsWith('https:'),
    signed: true,
  } as const
}

export interface BrowserCookie {
  readonly name: 'session' | 'resume'
  /** Null: the browser forgets it. */
  readonly value: string | null
  readonly path?: string
  readonly expires?: Date
}

/** Sets a cookie of oidc-provider's from a route of ours, signed as it expects it. */
export function setCookie(
  { provider, issuer }: { readonly provider: Provider; readonly issuer: string },
  request: FastifyRequest,
  reply: FastifyReply,
  { name, value, ...where }: BrowserCookie,
): void {
  const { cookies } = provider.createContext(request.raw, reply.raw)
  const attributes = attributesOf(issuer)
  // Whether a proxy in front speaks https is not for the connection to say.
  cookies.secure = attributes.secure
  cookies.set(provider.cookieName(name), value, { ...attributes, ...where })
  // Cookies of the reply would replace those of the raw answer.
  for (const line of [reply.raw.getHeader('set-cookie') ?? []].flat())
    reply.header('set-cookie', String(line))
  reply.raw.removeHeader('set-cookie')
}
