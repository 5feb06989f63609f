// Owns how oidc-provider sits on the one Fastify origin: its paths, its untouched request body, its URLs from PUBLIC_URL.

import type { IncomingMessage } from 'node:http'
import type { FastifyInstance, FastifyReply, FastifyRequest, onRequestAsyncHookHandler } from 'fastify'
import type { Provider } from 'oidc-provider'
import { inBrowser } from './browsers.ts'
import { DEVICE_AUTHORIZATION_PATH, type DeviceOutcome, takeDeviceOutcome } from './device-flow.ts'
import { type ErrorForPerson, takeErrorForPerson } from './error-page.ts'
import { PROVING_PATHS } from './failures.ts'

export interface MountOptions {
  /** The provider in use; another one after its keys were rotated. */
  readonly provider: () => Provider
  readonly issuer: string
  /** Shows what went wrong to the person in front of the browser. */
  readonly showError: (reply: FastifyReply, error: ErrorForPerson, status: number) => Promise<FastifyReply>
  /** Shows how a device's request ended to the person who answered it. */
  readonly showDevice: (reply: FastifyReply, outcome: DeviceOutcome) => Promise<FastifyReply>
}

const READ = ['GET', 'HEAD']
/** Pages of other sites may ask, so browsers ask first (Fetch, "CORS-preflight request"). */
const READ_ANYWHERE = [...READ, 'OPTIONS']
const POST_ANYWHERE = ['POST', 'OPTIONS']

/** Everything oidc-provider answers, and to which methods. Pages of ours are not among them. */
const ENDPOINTS: Readonly<Record<string, readonly string[]>> = {
  '/.well-known/oauth-authorization-server': READ_ANYWHERE,
  '/.well-known/openid-configuration': READ_ANYWHERE,
  '/authorize': READ,
  '/authorize/:uid': READ,
  '/introspect': POST_ANYWHERE,
  '/device/:uid': READ,
  '/jwks': READ_ANYWHERE,
  '/par': POST_ANYWHERE,
  '/revoke': POST_ANYWHERE,
  '/token': POST_ANYWHERE,
  '/userinfo': [...READ_ANYWHERE, 'POST'],
}

/** Strangers begin here, and each time something is remembered; for some, a document is fetched. */
const THROTTLED: ReadonlySet<string> = new Set(['/authorize', '/par'])

export interface ProviderMountOptions extends MountOptions {
  readonly throttle: onRequestAsyncHookHandler
  /** Throws when this address has failed too often lately. */
  readonly refuseFailing: onRequestAsyncHookHandler
}

export function mountProvider(
  app: FastifyInstance,
  { throttle, refuseFailing, ...options }: ProviderMountOptions,
): void {
  const answer = createAnswer(options)
  const firstAt = (path: string) => {
    if (PROVING_PATHS.has(path)) return { onRequest: refuseFailing }
    return THROTTLED.has(path) ? { onRequest: throttle } : {}
  }
  app.register(async (scope) => {
    leaveBodyUnread(scope)
    for (const [url, methods] of Object.entries(ENDPOINTS)) {
      const handler = (request: FastifyRequest, reply: FastifyReply) => answer(request.raw, request.ip, reply)
      scope.route({ method: [...methods], url, ...firstAt(url), handler })
      if (!url.startsWith('/.well-known/')) continue
      // Clients that write the issuer with a slash at its end keep the slash here.
      scope.route({
        method: [...methods],
        url: `${url}/`,
        handler(request, reply) {
          request.raw.url = url
          return handler(request, reply)
        },
      })
    }
  })
}

/** RFC 8628 §3.1. Anybody may ask for a code, so how often is limited. */
export function mountDeviceAuthorization(
  app: FastifyInstance,
  { throttle, ...options }: MountOptions & { readonly throttle: onRequestAsyncHookHandler },
): void {
  const answer = createAnswer(options)
  const url = DEVICE_AUTHORIZATION_PATH
  app.register(async (scope) => {
    leaveBodyUnread(scope)
    scope.options(url, (request, reply) => answer(request.raw, request.ip, reply))
    scope.post(url, { onRequest: throttle }, (request, reply) => answer(request.raw, request.ip, reply))
  })
}

/** oidc-provider reads it itself. */
function leaveBodyUnread(scope: FastifyInstance): void {
  scope.removeAllContentTypeParsers()
  scope.addContentTypeParser('*', (_request, _payload, done) => done(null))
}

export type Answer = (request: IncomingMessage, ip: string, reply: FastifyReply) => Promise<FastifyReply>

/** Lets oidc-provider answer `request`, or answers with a page of ours what it leaves to the person. */
export function createAnswer({ provider, issuer, showError, showDevice }: MountOptions): Answer {
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

    await inBrowser(request, ip, () => callback(request, reply.raw))
    const outcome = takeDeviceOutcome(request)
    if (outcome) return showDevice(reply, outcome)
    const error = takeErrorForPerson(request)
    if (error) return showError(reply, error, reply.raw.statusCode)
    return reply.hijack()
  }
}
