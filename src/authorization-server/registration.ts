// Owns the registration endpoint's edge (RFC 7591): who may reach it, how often, and that browser clients may too.

import { timingSafeEqual } from 'node:crypto'
import type { FastifyInstance, FastifyReply, FastifyRequest, onRequestAsyncHookHandler } from 'fastify'
import { OAuthError } from '../oauth/errors.ts'
import { hashToken } from '../storage/hash.ts'
import { LONGEST_BODY_BYTES, readRegistrationBody, withBody } from './client-metadata-body.ts'
import { createAnswer, type MountOptions } from './mount.ts'

export interface RegistrationOptions extends MountOptions {
  /** Throws when this address has registered too many clients lately. */
  readonly throttle: onRequestAsyncHookHandler
  /** RFC 7591 §3: who presents one of these may register. Null: anybody may. */
  readonly initialAccessTokens: readonly string[] | null
}

/** oidc-provider answers no preflight here. No credentials of the browser are involved, so any origin may ask. */
const CORS = {
  'access-control-allow-origin': '*',
  'access-control-allow-methods': 'POST',
  'access-control-allow-headers': 'Authorization, Content-Type, MCP-Protocol-Version',
  'access-control-max-age': '3600',
}

export function mountRegistration(app: FastifyInstance, options: RegistrationOptions): void {
  const { throttle, initialAccessTokens } = options
  const hashes = initialAccessTokens?.map((token) => Buffer.from(hashToken(token))) ?? null
  const answer = createAnswer(options)

  app.register(async (scope) => {
    scope.removeAllContentTypeParsers()
    scope.addContentTypeParser(
      '*',
      { parseAs: 'buffer', bodyLimit: LONGEST_BODY_BYTES },
      (_request, body, done) => done(null, body),
    )
    scope.options('/register', (_request, reply) => reply.code(204).headers(CORS).send())

    const admit = async (request: FastifyRequest, reply: FastifyReply) => {
      reply.raw.setHeader('access-control-allow-origin', '*')
      if (hashes) requireInitialAccessToken(request, reply, hashes)
    }
    scope.post('/register', { onRequest: [admit, throttle] }, (request, reply) => {
      const body = Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0)
      const checked = readRegistrationBody(request.headers['content-type'], body)
      return answer(withBody(request.raw, checked), request.ip, reply)
    })
  })
}

function requireInitialAccessToken(
  request: FastifyRequest,
  reply: FastifyReply,
  hashes: readonly Buffer[],
): void {
  const [scheme, token = ''] = (request.headers.authorization ?? '').split(' ')
  const presented = Buffer.from(hashToken(token))
  if (scheme?.toLowerCase() === 'bearer' && hashes.some((hash) => timingSafeEqual(hash, presented))) return
  reply.header('www-authenticate', 'Bearer realm="registration"')
  throw new OAuthError('invalid_token', 'Registering a client here needs an initial access token.', {
    status: 401,
  })
}
