// Owns how oidc-provider sits on the one Fastify origin: its paths, its untouched request body, its URLs from PUBLIC_URL.

import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { Provider } from 'oidc-provider'
import { type ErrorForPerson, takeErrorForPerson } from './error-page.ts'

export interface MountOptions {
  /** The provider in use; another one after its keys were rotated. */
  readonly provider: () => Provider
  readonly issuer: string
  /** Shows what went wrong to the person in front of the browser. */
  readonly showError: (reply: FastifyReply, error: ErrorForPerson, status: number) => Promise<FastifyReply>
}

/** Everything oidc-provider answers. Pages of ours are not among them. */
const PATHS: readonly string[] = [
  '/.well-known/oauth-authorization-server',
  '/.well-known/openid-configuration',
  '/authorize',
  '/authorize/:uid',
  '/jwks',
  '/token',
  '/userinfo',
]

export function mountProvider(app: FastifyInstance, options: MountOptions): void {
  app.register(async (scope) => {
    readNoBody(scope)
    const handler = createHandler(options)
    for (const url of PATHS) scope.route({ method: ['GET', 'HEAD', 'POST', 'OPTIONS'], url, handler })
  })
}

/** oidc-provider reads the body itself. */
export function readNoBody(scope: FastifyInstance): void {
  scope.removeAllContentTypeParsers()
  scope.addContentTypeParser('*', (_request, _payload, done) => done(null))
}

export function createHandler({ provider, issuer, showError }: MountOptions) {
  const { protocol, host } = new URL(issuer)
  const callbacks = new WeakMap<Provider, ReturnType<Provider['callback']>>()

  return async (request: FastifyRequest, reply: FastifyReply) => {
    const current = provider()
    const callback = callbacks.get(current) ?? current.callback()
    callbacks.set(current, callback)
    // It builds URLs from these headers; they say what PUBLIC_URL says, whatever the client sent.
    const { headers } = request.raw
    headers['x-forwarded-proto'] = protocol.slice(0, -1)
    headers['x-forwarded-host'] = host
    headers['x-forwarded-for'] = request.ip
    current.proxy = true

    await callback(request.raw, reply.raw)
    const error = takeErrorForPerson(request.raw)
    if (error) return showError(reply, error, reply.raw.statusCode)
    return reply.hijack()
  }
}
