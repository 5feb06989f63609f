// Owns the registration endpoint's edge (RFC 7591): who may reach it, how often, and that browser clients may too.

import type { FastifyInstance, FastifyReply, FastifyRequest, onRequestAsyncHookHandler } from 'fastify'
import { addressGroup } from '../http/address-group.ts'
import { OAuthError } from '../oauth/errors.ts'
import { LONGEST_BODY_BYTES, readRegistrationBody, withBody } from './client-metadata-body.ts'
import type { ClientPolicy } from './clients.ts'
import type { InitialAccess } from './initial-access.ts'
import { createAnswer, type MountOptions } from './mount.ts'
import type { Registrations } from './registrations.ts'

export interface RegistrationOptions extends MountOptions {
  /** Throws when this address has registered too many clients lately. */
  readonly throttle: onRequestAsyncHookHandler
  /** Throws when this address has failed too often lately. */
  readonly refuseFailing: onRequestAsyncHookHandler
  /** Told the address of whoever presented an initial access token that is none. */
  readonly onFailure: (address: string) => void
  /** Null: anybody may register. */
  readonly initialAccess: InitialAccess | null
  readonly registrations: Registrations
  readonly mode: ClientPolicy['registration']
}

/** Clients try this path whether the metadata names it or not, and show their person what they are told. */
const CLOSED: Partial<Record<ClientPolicy['registration'], string>> = {
  cimd: 'Clients do not register here. Publish a client ID metadata document and send its URL as client_id.',
  off: 'Clients do not register here. Whoever runs this service creates them, and gives out their client_id.',
}

/** oidc-provider answers no preflight here. No credentials of the browser are involved, so any origin may ask. */
const CORS = {
  'access-control-allow-origin': '*',
  'access-control-allow-methods': 'POST',
  'access-control-allow-headers': 'Authorization, Content-Type, MCP-Protocol-Version',
  'access-control-max-age': '3600',
}

export function mountRegistration(app: FastifyInstance, options: RegistrationOptions): void {
  const { throttle, refuseFailing, initialAccess, registrations, mode } = options
  const closed = CLOSED[mode]
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
      if (closed !== undefined) throw new OAuthError('access_denied', closed, { status: 403 })
      if (!initialAccess) return
      reply.header('www-authenticate', 'Bearer realm="registration"')
      await initialAccess.admit(request.headers.authorization).catch((error: unknown) => {
        options.onFailure(request.ip)
        throw error
      })
      reply.removeHeader('www-authenticate')
    }
    scope.post('/register', { onRequest: [refuseFailing, admit, throttle] }, async (request, reply) => {
      const body = Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0)
      const checked = readRegistrationBody(request.headers['content-type'], body)
      const again = withBody(request.raw, checked)
      await registrations.prepare(again, checked, addressGroup(request.ip))
      return answer(again, request.ip, reply)
    })
  })
}
