// Owns the operator's HTTP API about upstreams: which there are, and reading them and the policy again.

import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { FailedAttempts } from '../http/failed-attempts.ts'
import { OAuthError } from '../oauth/errors.ts'
import type { Audit } from '../ops/audit.ts'

/** For whoever operates this; no address and no header of it. */
export interface ListedUpstream {
  readonly name: string
  readonly title: string
  readonly kind: string
  /** Where clients find it. */
  readonly address: string
}

export type ReloadOutcome =
  | {
      readonly kind: 'reloaded'
      /** The upstreams, by name, and whether the policy is another one. */
      readonly changes: Readonly<Record<'added' | 'changed' | 'removed', readonly string[]>> & {
        readonly policy: boolean
      }
    }
  | { readonly kind: 'unchanged' }
  /** Nothing changed. Every problem of the configuration is named. */
  | { readonly kind: 'refused'; readonly problems: readonly string[] }

export interface UpstreamsApiNeeds {
  /** Whose API key this is: `administrator` with the account's id, or what stands against it. */
  readonly holderOf: (key: string) => Promise<Holder>
  readonly upstreams: () => readonly ListedUpstream[]
  /** On this replica, and then on the others. Null where there is nothing to read again. */
  readonly reload: () => Promise<ReloadOutcome> | null
  readonly audit: Pick<Audit, 'upstreamsReloaded'>
  /** Counts keys that are nobody's. */
  readonly failures: FailedAttempts
}

export type Holder =
  | { readonly kind: 'administrator'; readonly userId: string }
  | { readonly kind: 'somebody' }
  | { readonly kind: 'nobody' }

const PATH = '/admin/api/upstreams'
const BEARER = /^Bearer ([\x21-\x7e]{1,512})$/i

/** With an API key of an administrator as a bearer token: no cookie counts here, so no page can call it. */
export async function upstreamsApi(app: FastifyInstance, needs: UpstreamsApiNeeds): Promise<void> {
  const administrator = async (request: FastifyRequest, reply: FastifyReply): Promise<string> => {
    reply.header('cache-control', 'no-store')
    const key = BEARER.exec(request.headers.authorization ?? '')?.[1]
    const holder: Holder = key === undefined ? { kind: 'nobody' } : await needs.holderOf(key)
    if (holder.kind === 'administrator') return holder.userId
    if (key !== undefined && holder.kind === 'nobody') needs.failures.failed(request.ip)
    if (holder.kind === 'somebody')
      throw new OAuthError('access_denied', 'This needs an API key of an administrator', { status: 403 })
    reply.header('www-authenticate', 'Bearer')
    throw new OAuthError('invalid_token', 'Send an API key of an administrator as a bearer token', {
      status: 401,
    })
  }

  const guarded = { onRequest: needs.failures.refuse }

  app.get(PATH, guarded, async (request, reply) => {
    await administrator(request, reply)
    return reply.send({ upstreams: needs.upstreams() })
  })

  app.post(`${PATH}/reload`, guarded, async (request, reply) => {
    const userId = await administrator(request, reply)
    const reloading = needs.reload()
    if (reloading === null)
      throw new OAuthError('invalid_request', 'This service has no configuration to read again', {
        status: 409,
      })
    const outcome = await reloading
    needs.audit.upstreamsReloaded({ userId, outcome: outcome.kind })
    if (outcome.kind !== 'refused')
      return reply.send({ outcome: outcome.kind, ...(outcome.kind === 'reloaded' && outcome.changes) })
    return reply.code(422).send({
      error: 'invalid_configuration',
      error_description: 'Nothing was changed. Correct these, and reload again',
      problems: outcome.problems,
    })
  })
}
