// Owns the errors of an authorization request that the person, not the client, must see (RFC 6749 §4.1.2.1).

import type { IncomingMessage } from 'node:http'
import { type Configuration, errors } from 'oidc-provider'
import { OutboundError } from '../http/outbound.ts'

export interface ErrorForPerson {
  readonly error: string
  readonly description: string | undefined
  /** What would say who the client is could not be fetched: nothing that the client can put right. */
  readonly unfetched: boolean
  /** A way that was gone to its end before, or not in time. */
  readonly expired: boolean
}

const waiting = new WeakMap<IncomingMessage, ErrorForPerson>()

/** oidc-provider's `renderError`: answers nothing itself, so that whoever mounted it sends a page of ours. */
export const leaveToPages: NonNullable<Configuration['renderError']> = (
  ctx,
  { error, error_description },
  thrown,
) => {
  const unfetched = thrown.cause instanceof OutboundError
  const expired = thrown instanceof errors.SessionNotFound
  waiting.set(ctx.req, { error, description: error_description, unfetched, expired })
  ctx.respond = false
}

/** The error that waits to be shown for this request, if one does. */
export function takeErrorForPerson(request: IncomingMessage): ErrorForPerson | null {
  const error = waiting.get(request) ?? null
  waiting.delete(request)
  return error
}
