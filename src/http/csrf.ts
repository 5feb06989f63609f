// Owns the protection of forms against other sites: one secret per browser, a token in each form, and whose page posted it.

import type { IncomingHttpHeaders } from 'node:http'
import cookie from '@fastify/cookie'
import csrfProtection from '@fastify/csrf-protection'
import type { FastifyInstance, preHandlerHookHandler } from 'fastify'

const CSRF_FIELD = '_csrf'

/** A form that this browser did not get from us, or got too long ago. Its code is @fastify/csrf-protection's. */
class ForeignFormError extends Error {
  readonly code = 'FST_CSRF_FOREIGN'
  readonly statusCode = 403
}

/** Registers the cookies and returns the preHandler of routes that a form posts to. */
export async function addCsrfProtection(
  app: FastifyInstance,
  publicUrl: string,
): Promise<preHandlerHookHandler> {
  const secure = publicUrl.startsWith('https:')
  await app.register(cookie)
  await app.register(csrfProtection, {
    // RFC 6265bis §4.1.3.2: a sibling domain cannot set a `__Host-` cookie. Without https there is no such prefix.
    cookieKey: secure ? '__Host-csrf' : 'csrf',
    cookieOpts: { path: '/', httpOnly: true, sameSite: 'lax', secure },
    getToken: ({ body }) => fieldOf(body, CSRF_FIELD),
  })
  return (request, reply, done) => {
    if (!isOwnPage(request.headers, publicUrl))
      return done(new ForeignFormError('a page of another site posted this'))
    app.csrfProtection(request, reply, done)
  }
}

/**
 * Whether one of our pages posted this, as far as the browser says: `Sec-Fetch-Site`, else `Origin`. Both absent means
 * an old browser or none at all, and the token decides alone.
 */
function isOwnPage(headers: IncomingHttpHeaders, publicUrl: string): boolean {
  const { origin, 'sec-fetch-site': site } = headers
  if (site !== undefined && site !== 'same-origin') return false
  return origin === undefined || origin === publicUrl
}

/** One field of a posted form; undefined when it is absent or repeated. */
export function fieldOf(body: unknown, name: string): string | undefined {
  const value = fieldValue(body, name)
  return typeof value === 'string' ? value : undefined
}

/** A field that names something which is stored. No database keeps a text with NUL, so that names nothing. */
export function storedNameIn(body: unknown, field: string): string {
  const value = fieldOf(body, field) ?? ''
  return value.includes('\0') ? '' : value
}

/** Every value of a field that a form may repeat. */
export function fieldsOf(body: unknown, name: string): readonly string[] {
  const value = fieldValue(body, name)
  return (Array.isArray(value) ? value : [value]).filter((one) => typeof one === 'string')
}

function fieldValue(body: unknown, name: string): unknown {
  if (typeof body !== 'object' || body === null) return undefined
  return Object.getOwnPropertyDescriptor(body, name)?.value
}
