// Owns what a client hears from an upstream at which its person has to log in first: where, and then the answer to its call.

import { createHash } from 'node:crypto'
import { setTimeout } from 'node:timers/promises'
import {
  type Peer,
  type PeerAnswer,
  PeerFailure,
  type PeerHooks,
  type PeerRequest,
  type Visitor,
} from '../../mcp/peer.ts'
import type { Caller } from '../../oauth/caller.ts'
import {
  ConnectFirst,
  type Credential,
  type CredentialFor,
  type CredentialRefused,
  CredentialUnavailable,
  UNAVAILABLE_SECONDS,
} from '../credentials.ts'
import type { Upstream } from '../registry.ts'
import { askForMore, askToConnect, type Connecting, type Lacking, said } from './asking.ts'
import { emptyAnswer, isConnectTool, placeholder } from './placeholder.ts'

export interface ConnectingPeerNeeds {
  readonly credentialFor: CredentialFor
  readonly refused: CredentialRefused
  readonly connecting: Connecting
}

/** Clients that were told where to log in come back at once; meanwhile their person reads and types. */
const PATIENCE_MS = 50_000
const LOOK_AGAIN_MS = 1_000

/**
 * Before there is a login, the upstream has one tool, which leads to it, and every call is answered by asking for it
 * (MCP, URL Mode Elicitation). Once there is one, the same calls get through.
 */
export function connectingPeer(peer: Peer, upstream: Upstream, needs: ConnectingPeerNeeds): Peer {
  const { credentialFor, refused, connecting } = needs

  async function isConnected({ caller }: Visitor, than: string | null = null): Promise<boolean> {
    try {
      const credential = await credentialFor(caller, upstream)
      return than === null || digestOf(credential) !== than
    } catch (error) {
      if (error instanceof ConnectFirst) return false
      throw unavailable(error)
    }
  }

  async function becomesConnected(
    visitor: Visitor,
    signal: AbortSignal,
    patienceMs: number,
    than: string | null = null,
  ): Promise<boolean> {
    const until = Date.now() + patienceMs
    while (!(await isConnected(visitor, than))) {
      if (Date.now() >= until || signal.aborted) return false
      await setTimeout(LOOK_AGAIN_MS, undefined, { ref: false, signal }).catch(() => undefined)
    }
    return true
  }

  /** A credential that was not accepted is renewed, and the same tried once more: a refused call was not carried out. */
  async function attempt<T>(visitor: Visitor, act: () => Promise<T>): Promise<T> {
    const { caller } = visitor
    const credential = await Promise.resolve(credentialFor(caller, upstream)).catch((error: unknown) => {
      throw unavailable(error)
    })
    try {
      return await act()
    } catch (error) {
      if (!(error instanceof PeerFailure) || error.reason !== 'credentials') throw unavailable(error)
      refuseLacking(error, upstream, credential)
      if (await isRenewed(caller, credential)) return await act()
      if (await isConnected(visitor)) throw error
      throw new ConnectFirst(upstream, true)
    }
  }

  async function isRenewed(caller: Caller, credential: Credential): Promise<boolean> {
    return await refused(caller, upstream, credential).catch((error: unknown) => {
      throw unavailable(error)
    })
  }

  async function request(visitor: Visitor, asked: PeerRequest, hooks: PeerHooks): Promise<PeerAnswer> {
    const { cameBack, than, plain } = connecting.read(asked, visitor, upstream)
    if (cameBack === 'declined')
      return said(asked, `Nothing was done: ${upstream.title} wants a login first.`)
    if (cameBack === 'accepted') await becomesConnected(visitor, hooks.signal, PATIENCE_MS, than)
    if (isConnectTool(plain, upstream) && (await isConnected(visitor)))
      return said(plain, `${upstream.title} is connected.`, false)
    try {
      return await attempt(visitor, () => peer.request(visitor, plain, hooks))
    } catch (error) {
      return askFor(error, plain, visitor, than)
    }
  }

  async function askFor(
    error: unknown,
    plain: PeerRequest,
    visitor: Visitor,
    than: string | null,
  ): Promise<PeerAnswer> {
    if (error instanceof ConnectFirst)
      return emptyAnswer(plain, upstream) ?? askToConnect(plain, visitor, upstream, connecting)
    if (!(error instanceof ScopeFirst)) throw error
    return askForMore(plain, visitor, upstream, connecting, { lacking: error.lacking, than })
  }

  return {
    request,
    async discover(visitor, signal) {
      try {
        return await attempt(visitor, () => peer.discover(visitor, signal))
      } catch (error) {
        if (error instanceof ConnectFirst) return placeholder(upstream)
        throw error
      }
    },
    async listen(visitor, filter, hooks) {
      if (await isConnected(visitor)) return attempt(visitor, () => peer.listen(visitor, filter, hooks))
      const { toolsListChanged } = filter
      const heard = toolsListChanged ? { toolsListChanged } : {}
      hooks.notify({ method: 'notifications/subscriptions/acknowledged', params: { notifications: heard } })
      if (!(await becomesConnected(visitor, hooks.signal, Number.POSITIVE_INFINITY))) return
      if (toolsListChanged) hooks.notify({ method: 'notifications/tools/list_changed', params: {} })
      await attempt(visitor, () => peer.listen(visitor, filter, withoutAcknowledgement(hooks)))
    },
  }
}

/** The login that there is does not reach this far. */
class ScopeFirst extends PeerFailure {
  readonly lacking: Lacking

  constructor(lacking: Lacking, cause: PeerFailure) {
    super('credentials', { cause })
    this.name = 'ScopeFirst'
    this.lacking = lacking
  }
}

/** Renewing gives no more than there was; the person has to be asked. */
function refuseLacking(failure: PeerFailure, { auth }: Upstream, credential: Credential): void {
  const { wantsScope: scope } = failure
  if (scope === null || auth?.type !== 'oauth2' || auth.grant !== 'authorization_code') return
  throw new ScopeFirst({ scope, than: digestOf(credential) }, failure)
}

function digestOf(credential: Credential): string {
  return createHash('sha256').update(JSON.stringify(credential)).digest('base64url')
}

/** It was given already, for less. */
function withoutAcknowledgement(hooks: PeerHooks): PeerHooks {
  return {
    signal: hooks.signal,
    notify(notification) {
      if (notification.method !== 'notifications/subscriptions/acknowledged') hooks.notify(notification)
    },
  }
}

function unavailable(error: unknown): unknown {
  if (!(error instanceof CredentialUnavailable)) return error
  const again = error.later ? { retryAfterSeconds: UNAVAILABLE_SECONDS } : {}
  return new PeerFailure('credentials', { cause: error, ...again })
}
