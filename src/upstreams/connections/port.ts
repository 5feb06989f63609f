// Owns what the rest of the house sees of connections: how they stand, how one is made and ended; never a token.

import type { ConnectionState } from '../../oauth/upstream-auth.ts'
import type { UserId } from '../../storage/tables.ts'

/** Of one person, or of everybody where the upstream's login is shared. */
export interface Connection {
  /** The upstream's name. */
  readonly upstream: string
  readonly title: string
  /** `own`: we log in as ourselves, and there is nothing to do about it but to configure it. */
  readonly how: 'oauth2' | 'api-key' | 'own'
  readonly shared: boolean
  readonly state: ConnectionState
  readonly scopes: readonly string[]
  readonly since: Date | null
  readonly lastUsedAt: Date | null
}

/** What an earlier configuration left behind: nothing uses it. */
export interface LeftOver {
  readonly upstream: string
  readonly shared: boolean
  readonly since: Date
  readonly lastUsedAt: Date | null
  readonly scopes: readonly string[]
}

/** What is in a link that a call was answered with. */
export interface ConnectLink {
  /** Whose call it was. */
  readonly userId: string
  /** What their login lacked. */
  readonly scope: string | null
}

/** Who is about to connect: bound to their browser, so that nobody finishes what another began. */
export interface Connecting {
  readonly userId: UserId
  /** Of the browser's session here. */
  readonly sessionId: string
  readonly upstream: string
  /** Whoever runs this installation makes and ends what is shared; nobody else does. */
  readonly isOperator: boolean
  /** More than the login they have, which the upstream asked for. */
  readonly scope?: string | null
}

/** Whose connection. */
export interface Owner extends Pick<Connecting, 'upstream' | 'isOperator'> {
  /** Null: everybody's, by whoever runs this installation. */
  readonly userId: UserId | null
}

/** Of an upstream that wants a login: what a person sees before there is any. */
export interface Wish {
  readonly upstream: string
  readonly title: string
  readonly how: 'oauth2' | 'api-key'
  readonly shared: boolean
  /** Where the upstream is, for people. */
  readonly host: string
  /** For a key: where to get one. */
  readonly hint: string | null
}

/** `why` is for people. */
export interface Failed {
  readonly kind: 'failed'
  readonly why: string
}

export type Begun =
  /** Where to send the browser. The state in it is good once, for ten minutes, in this session alone. */
  { readonly kind: 'redirect'; readonly url: string } | Failed

export type Finished =
  | { readonly kind: 'connected'; readonly upstream: string }
  /** The person said no over there, or something went wrong. `why` is for people. */
  | { readonly kind: 'failed'; readonly upstream: string | null; readonly why: string }
  /** This browser did not begin it, it is over, or it was finished before. */
  | { readonly kind: 'unknown' }

export type Ended =
  | { readonly kind: 'ended' }
  /** There was nothing to end. */
  | { readonly kind: 'nothing' }
  | Failed

/** RFC 8628, for machines without a browser. */
export interface DeviceLogin {
  readonly verificationUri: string
  readonly verificationUriComplete: string | null
  readonly userCode: string
  readonly expiresInSeconds: number
  /** Settles when the person has decided, or it is over. */
  wait(signal: AbortSignal): Promise<Finished>
}

export type BegunDevice = { readonly kind: 'device'; readonly login: DeviceLogin } | Failed

export interface Connections {
  /** One for each upstream that wants a login, of the person or of ourselves. */
  list(userId: UserId): Promise<readonly Connection[]>
  /** Of this person; of everybody for null. */
  leftOver(userId: UserId | null): Promise<readonly LeftOver[]>
  /** The same as `disconnect`, for what was left behind and nothing else. */
  endLeftOver(who: Owner): Promise<Ended>
  /** Null when there is no such upstream, or it wants nothing of a person. */
  wishOf(upstream: string): Wish | null
  begin(who: Connecting): Promise<Begun>
  /** `parameters`: all that the callback was called with. */
  finish(who: Omit<Connecting, 'upstream'>, parameters: URLSearchParams): Promise<Finished>
  beginDevice(who: Owner): Promise<BegunDevice>
  /** A key that the person pasted. */
  paste(userId: UserId, upstream: string, key: string): Promise<Finished>
  /** Forgets it, and revokes it over there where that is possible. */
  disconnect(who: Owner): Promise<Ended>
}

/** At our own origin: where every authorization server sends the browser back to. No upstream's name begins with a hyphen. */
export const CALLBACK_PATH = '/connect/-/callback'

/** The page of one upstream. */
export function connectPath(upstream: string): string {
  return `/connect/${upstream}`
}
