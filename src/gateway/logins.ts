// Owns what the gateway does about upstreams that want a login: who has to log in first, and what is renewed for another try.

import {
  ConnectFirst,
  type Credential,
  type CredentialFor,
  type CredentialRefused,
  CredentialUnavailable,
  isConnectState,
  UNAVAILABLE_SECONDS,
} from '../upstreams/credentials.ts'
import { CREDENTIALS, LOGIN_LATER } from './answer.ts'
import { openHandle } from './bridge/legacy/handle.ts'
import type { UpstreamCall } from './call.ts'
import { type Refusal, rpcRefusal } from './refusal.ts'
import type { Sealer } from './session.ts'

export interface LoginNeeds {
  readonly credentialFor: CredentialFor
  readonly credentialRefused?: CredentialRefused
  readonly sessions: Sealer
  readonly clock: () => number
}

export interface Logins {
  /** This call continues one that was asked to come back after a login, or a session that was begun before it. */
  isUnderWay(call: UpstreamCall): boolean
  /** Null when the person has to log in first, which the peer says. */
  credentialFor(call: UpstreamCall): Promise<Credential | null> | Credential
  /** Whether a credential that is not accepted may be renewed, and the call sent once more. */
  mayRenew(call: UpstreamCall): boolean
  renew(call: UpstreamCall, credential: Credential): Promise<void>
}

function unavailable({ later }: CredentialUnavailable, ids: UpstreamCall['ids']): Refusal {
  if (!later) return rpcRefusal({ ...CREDENTIALS, ids })
  return rpcRefusal({ ...LOGIN_LATER, ids, headers: ['retry-after', String(UNAVAILABLE_SECONDS)] })
}

export function createLogins({ credentialFor, credentialRefused, sessions, clock }: LoginNeeds): Logins {
  async function ofLogin({ caller, place, ids }: UpstreamCall): Promise<Credential | null> {
    try {
      return await credentialFor(caller, place.upstream)
    } catch (error) {
      if (error instanceof ConnectFirst) return null
      throw error instanceof CredentialUnavailable ? unavailable(error, ids) : error
    }
  }

  return {
    isUnderWay(call) {
      if (call.place.upstream.auth === null) return false
      const [message] = call.messages
      if (call.modern) return isConnectState(message?.params.requestState)
      const handle = call.req.headers['mcp-session-id']
      if (typeof handle !== 'string') return false
      return openHandle(sessions, handle, call.caller, call.place.resource.path, clock()) !== null
    },
    credentialFor: (call) =>
      call.place.upstream.auth === null ? credentialFor(call.caller, call.place.upstream) : ofLogin(call),
    mayRenew: ({ place, renewed }) =>
      place.upstream.auth !== null && renewed !== true && credentialRefused !== undefined,
    async renew({ caller, place, ids }, credential) {
      try {
        await credentialRefused?.(caller, place.upstream, credential)
      } catch (error) {
        throw error instanceof CredentialUnavailable ? unavailable(error, ids) : error
      }
    },
  }
}
