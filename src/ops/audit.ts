// Owns the record of what happened that somebody may have to answer for: one function per event, never an argument of a call.

import { type Logger, recordTo } from './logger.ts'
import type { Metrics } from './metrics.ts'

/** One call of a client at the gateway, whatever became of it. */
export interface CallRecord {
  /** Null when nobody could be recognized. */
  readonly subject: string | null
  readonly clientId: string | null
  readonly upstream: string | null
  readonly httpMethod: string
  /** Null for what has none, or could not be read. */
  readonly method: string | null
  readonly tool: string | null
  readonly outcome: string
  /** Why it was refused. */
  readonly reason: string | null
  readonly status: number
  readonly ip: string
  readonly milliseconds: number
}

export interface Audit {
  call(record: CallRecord): void
  clientRegistered(event: { clientId: string; name: string | undefined; ip: string }): void
  clientRefused(event: { error: string; detail: string | undefined; ip: string }): void
  /** A request for authorization that cannot be answered; the browser shows the same, without the detail. */
  authorizationRefused(event: {
    clientId: string | undefined
    error: string
    detail: string | undefined
    ip: string
  }): void
  consentGiven(event: { userId: string; clientId: string; resource: string | null; scopes: string }): void
  consentDenied(event: { userId: string | null; clientId: string }): void
  tokenIssued(event: {
    userId: string | undefined
    clientId: string | undefined
    grantType: string
    scope: string | undefined
  }): void
  tokenRefused(event: {
    clientId: string | undefined
    grantType: string
    error: string
    detail: string | undefined
    ip: string
  }): void
  /** A code or refresh token was presented again after its time: everything issued from it is revoked. */
  grantRevoked(event: { grantId: string; clientId: string | undefined; reason: string }): void
  signInSucceeded(event: { userId: string; ip: string }): void
  signInFailed(event: { userId: string | null; ip: string; reason: string }): void
  signInThrottled(event: { ip: string; seconds: number }): void
  /** By the name of the identity provider whose word it was. */
  userCreated(event: { userId: string; by: string }): void
  /** `everywhere`: all sessions of the person ended, not only this browser's. */
  signedOut(event: { userId: string; ip: string; everywhere: boolean }): void
  passwordChanged(event: { userId: string; ip: string }): void
  appDisconnected(event: { userId: string; clientId: string; grants: number }): void
  apiKeyCreated(event: { userId: string; keyId: string; scopes: string }): void
  apiKeyRevoked(event: { userId: string; keyId: string }): void
  /** A person logged in at an upstream, or pasted a key for it. */
  upstreamConnected(event: { userId: string; upstream: string }): void
  upstreamDisconnected(event: { userId: string; upstream: string }): void
  upstreamRefused(event: { userId: string; upstream: string | null; why: string }): void
  /** By itself: `ended` needs a new login, `failed` is tried again. */
  upstreamRenewed(event: { owner: string; upstream: string; outcome: string; why: string | null }): void
  /** `outcome`: `reloaded`, `unchanged` or `refused`. */
  upstreamsReloaded(event: { userId: string; outcome: string }): void
  deviceCodesThrottled(event: { ip: string; seconds: number }): void
  administratorCreated(event: { userId: string; by: 'environment' | 'setup link' | 'command' }): void
  /** What an operator did at the command line, at that time, by the name and with the members that it has in a browser. */
  commandDone(event: string, members: object, happenedAt: Date): void
  /** The ids of the keys; the private parts of those that were removed are gone. */
  signingKeysChanged(event: { made: readonly string[]; removed: readonly string[] }): void
}

/** What commands record. */
export type CommandEventName =
  | 'upstream.connected'
  | 'upstream.disconnected'
  | 'user.created'
  | 'user.disabled'
  | 'user.enabled'
  | 'group.joined'
  | 'group.left'
  | 'api_key.created'
  | 'api_key.revoked'
  | 'signing_keys.changed'
  | 'client.created'
  | 'client.changed'
  | 'client.deleted'
  | 'registration_token.created'
  | 'registration_token.revoked'
  | 'everything.revoked'

export function createAudit(logger: Logger, metrics: Pick<Metrics, 'call' | 'event'> | null): Audit {
  // A child for each, so that its name is not copied together with the members at every event.
  const logOf = (event: string) => logger.child({ audit: true, event })
  const record = (event: string) => {
    const log = logOf(event)
    return (members: object) => {
      metrics?.event(event)
      log.info(members, event)
    }
  }
  const warn = (event: string) => {
    const log = logOf(event)
    return (members: object) => {
      metrics?.event(event)
      log.warn(members, event)
    }
  }
  const recordCall = recordTo(logger, { audit: true, event: 'call' }, 'call')
  return {
    call(event) {
      metrics?.call(event)
      recordCall(event)
    },
    clientRegistered: record('client.registered'),
    clientRefused: record('client.refused'),
    authorizationRefused: record('authorization.refused'),
    consentGiven: record('consent.given'),
    consentDenied: record('consent.denied'),
    tokenIssued: record('token.issued'),
    tokenRefused: record('token.refused'),
    grantRevoked: warn('grant.revoked'),
    signInSucceeded: record('sign_in.succeeded'),
    signInFailed: record('sign_in.failed'),
    signInThrottled: warn('sign_in.throttled'),
    userCreated: record('user.created'),
    signedOut: record('signed_out'),
    passwordChanged: record('password.changed'),
    appDisconnected: record('app.disconnected'),
    apiKeyCreated: record('api_key.created'),
    apiKeyRevoked: record('api_key.revoked'),
    upstreamConnected: record('upstream.connected'),
    upstreamDisconnected: record('upstream.disconnected'),
    upstreamRefused: warn('upstream.refused'),
    upstreamRenewed: record('upstream.renewed'),
    upstreamsReloaded: record('upstreams.reloaded'),
    deviceCodesThrottled: warn('device_codes.throttled'),
    administratorCreated: record('administrator.created'),
    commandDone: (event, members, happenedAt) => record(event)({ ...members, happenedAt }),
    signingKeysChanged: record('signing_keys.changed'),
  }
}
