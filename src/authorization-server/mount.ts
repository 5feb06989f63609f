// Owns how oidc-provider sits on the one Fastify origin: its paths, its untouched request body, its URLs from PUBLIC_URL.

import type { IncomingMessage } from 'node:http'
import type { FastifyInstance, FastifyReply } from 'fastify'
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
  '/introspect',
  '/jwks',
  '/par',
  '/revoke',
  '/token',
  '/userinfo',
]

export function mountProvider(app: FastifyInstance, options: MountOptions): void {
  const answer = createAnswer(options)
  app.register(async (scope) => {
    // oidc-provider reads the body itself.
    scope.removeAllContentTypeParsers()
    scope.addContentTypeParser('*', (_request, _payload, done) => done(null))
    for (const url of PATHS) {
      const method = ['GET', 'HEAD', 'POST', 'OPTIONS']
      scope.route({ method, url, handler: (request, reply) => answer(request.raw, request.ip, reply) })
    }
  })
}

export type Answer = (request: IncomingMessage, ip: string, reply: FastifyReply) => Promise<FastifyReply>

/** Lets oidc-provider answer `request`, or answers with a page of ours what it leaves to the person. */
export function createAnswer({ provider, issuer, showError }: MountOptions): Answer {
  const { protocol, host } = new URL(issuer)
  const callbacks = new WeakMap<Provider, ReturnType<Provider['callback']>>()

  return async (request, ip, reply) => {
    const current = provider()
    const callback = callbacks.get(current) ?? current.callback()
    callbacks.set(current, callback)
    current.proxy = true
    // It builds URLs from these headers; they say what PUBLIC_URL says, whatever the client sent.
    request.headers['x-forwarded-proto'] = protocol.slice(0, -1)
    request.headers['x-forwarded-host'] = host
    request.headers['x-forwarded-for'] = ip

    await callback(request, reply.raw)
    const error = takeErrorForPerson(request)
    if (error) return showError(reply, error, reply.raw.statusCode)
    return reply.hijack()
  }
}
