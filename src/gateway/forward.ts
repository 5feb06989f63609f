// Owns forwarding: the connections to the upstreams, the exchanges under way on them, and the end of both.

import { buildConnector } from 'undici'
import { INTERNAL_ERROR } from '../mcp/rpc.ts'
import type { Caller } from '../oauth/caller.ts'
import { type Credential, proverOf } from '../upstreams/credentials.ts'
import { type Guards, isBarrier } from '../upstreams/guards.ts'
import type { HttpUpstream, Registry, Upstream } from '../upstreams/registry.ts'
import { isExpired } from './access-token.ts'
import type { Substitute } from './answer.ts'
import { createBalanced, type Outlet } from './balanced.ts'
import type { UpstreamCall } from './call.ts'
import { createCrowd } from './crowd.ts'
import { Exchange, type ExchangeNeeds } from './exchange.ts'
import { isBehind } from './following.ts'
import { createLanes } from './lanes.ts'
import { farewell, lastNews, listNews } from './last-news.ts'
import { errandOf } from './limits/errand.ts'
import { isQuick } from './limits/quick.ts'
import { barred } from './limits/too-much.ts'
import type { Limits } from './limits.ts'
import { CLIENT_LEFT, type Outcome } from './outcome.ts'
import { requestHeaders, standingHeaders } from './request-headers.ts'
import type { Revocations } from './revocations.ts'
import type { Sealer } from './session.ts'

export interface ForwarderNeeds {
  readonly registry: Registry
  readonly guards: Guards
  readonly sealer: Sealer
  readonly limits: Limits
  readonly revocations: Pick<Revocations, 'hasEnded' | 'onChange'>
  /** See links.ts. */
  readonly contradict: (upstream: Upstream, caller: Caller) => void
  /** Milliseconds. */
  readonly clock: () => number
}

export interface Forwarder {
  /**
   * Sends the call to its upstream and the answer to its client. Settles when both are done with it; throws a refusal when
   * the upstream takes no more. With `handsBack`, a credential that the upstream does not accept
   * leaves the call without an answer.
   */
  forward(call: UpstreamCall, credential: Credential, handsBack?: boolean): Promise<Outcome> | Outcome
  openStreams(): number
  /** Ends what only listens; calls go on. */
  endListening(): void
  /** Ends what listens where something else is now; calls go on, and then the connections of these upstreams are closed. */
  retire(upstreams: readonly Upstream[]): void
  /** The policy is another one: who listens and may go on hears of it, the others come back. */
  reconsider(mayListen: (call: UpstreamCall) => boolean): void
  /** Breaks off what is left, and closes the connections. */
  destroy(): Promise<void>
}

interface Route {
  readonly outlet: Outlet
  readonly path: string
  /** Of the first endpoint: what proofs are about. */
  readonly url: string
  readonly headers: readonly string[]
  /** Until the first byte of an answer. */
  readonly patienceMs: number
}

const KEEP_ALIVE_PROBE_MS = 30_000
const ACCESS_ENDED: Substitute = {
  status: 403,
  reason: 'token',
  code: 403,
  message: 'The access has ended.',
}
const CLOSING: Substitute = {
  status: 503,
  reason: 'draining',
  code: INTERNAL_ERROR,
  message: 'This service is being stopped. Try again.',
}

const MOVED: Substitute = {
  status: 503,
  reason: 'draining',
  code: INTERNAL_ERROR,
  message: 'The upstream server was configured anew. Try again.',
}

export function createForwarder(needs: ForwarderNeeds): Forwarder {
  const { registry, guards, sealer, limits, revocations, clock } = needs
  const routes = new Map<Upstream, Route>()
  const exchanges = createCrowd<Exchange>()
  const exchangeNeeds: ExchangeNeeds = {
    sealer,
    limits,
    contradicted: ({ place, caller }) => needs.contradict(place.upstream, caller),
    repeat: (again) => void setTimeout(dispatch, limits.repeatPauseMs, again).unref(),
    over(done) {
      exchanges.leave(done)
      done.passage.leave()
    },
  }
  let ending = false
  const pulse = setInterval(beat, limits.pulseMs).unref()
  revocations.onChange(endRevoked)

  function forward(
    call: UpstreamCall,
    credential: Credential,
    handsBack = false,
  ): Promise<Outcome> | Outcome {
    if (call.res.closed) return CLIENT_LEFT
    const passage = guards.enter(call.place.upstream, errandOf(call))
    if (isBarrier(passage)) throw barred(passage, call)
    const exchange = new Exchange(call, { credential, passage, handsBack }, exchangeNeeds)
    exchanges.enter(exchange)
    // It may have come in before the end was decided, with its body still on the way.
    if (ending && exchange.listening) exchange.end(null, CLOSING)
    else dispatch(exchange)
    return exchange.outcome
  }

  function dispatch(exchange: Exchange): void {
    if (exchange.over) return
    const { call, credential } = exchange
    const { upstream } = call.place
    const route = routes.get(upstream) ?? openRoute(upstream)
    const headers = requestHeaders(call, route.headers, credential)
    // RFC 9449 §7: good for this one request, so a request that is sent again has another.
    const prover = proverOf(credential)
    if (prover) headers.push('dpop', prover.prove(call.method, route.url))
    const headersTimeout = isQuick(call)
      ? Math.min(route.patienceMs, limits.quickTimeoutMs)
      : route.patienceMs
    const { method, body } = call
    route.outlet.dispatch({ path: route.path, method, headers, body, headersTimeout }, exchange)
  }

  function openRoute(upstream: Upstream): Route {
    for (const known of routes.keys()) if (!registry.has(known)) closeRoute(known)
    if (upstream.kind !== 'http') throw new Error(`Nothing can be forwarded to upstream "${upstream.name}".`)
    const { path, url } = upstream
    const patienceMs = upstream.limits.firstByteTimeoutMs ?? limits.firstByteTimeoutMs
    const outlet = openOutlet(upstream, limits)
    const route = { outlet, path, url, headers: standingHeaders(upstream), patienceMs }
    routes.set(upstream, route)
    return route
  }

  /** Once what is under way there is done. */
  function closeRoute(upstream: Upstream): void {
    void routes.get(upstream)?.outlet.close()
    routes.delete(upstream)
  }

  function retire(upstreams: readonly Upstream[]): void {
    exchanges.forEach((exchange) => {
      const { call, listening } = exchange
      if (listening && !isBehind(registry, call.place)) exchange.end(lastNews(call), MOVED)
    })
    for (const upstream of upstreams) closeRoute(upstream)
  }

  function reconsider(mayListen: (call: UpstreamCall) => boolean): void {
    exchanges.forEach((exchange) => {
      const { call, listening } = exchange
      if (listening && mayListen(call)) exchange.tell(listNews(call))
      else if (listening) exchange.end(lastNews(call), MOVED)
    })
  }

  function beat(): void {
    endRevoked()
    exchanges.forEach((exchange) => {
      if (hasExpired(exchange)) exchange.end(null, ACCESS_ENDED)
      else exchange.tick(limits.pulseMs)
    })
  }

  /** Every one is asked: a few thousand look-ups in memory, at a moment that is rare. */
  function endRevoked(): void {
    exchanges.forEach((exchange) => {
      const { call, listening } = exchange
      if (revocations.hasEnded(call.caller)) exchange.end(listening ? farewell(call) : null, ACCESS_ENDED)
    })
  }

  /**
   * A stream that only listens lasts as long as its token: the client comes back with a new one. A call that began in time
   * may take longer than that.
   */
  function hasExpired({ call: { caller }, listening }: Exchange): boolean {
    return listening && isExpired(caller.expiresAt, Math.floor(clock() / 1000))
  }

  function endListening(): void {
    ending = true
    exchanges.forEach((exchange) => {
      if (exchange.listening) exchange.end(farewell(exchange.call), CLOSING)
    })
  }

  async function destroy(): Promise<void> {
    clearInterval(pulse)
    exchanges.forEach((exchange) => {
      exchange.destroy()
    })
    await Promise.all([...routes.values()].map(({ outlet }) => outlet.destroy()))
  }

  return {
    forward,
    openStreams() {
      let streams = 0
      exchanges.forEach(({ streaming }) => {
        if (streaming) streams++
      })
      return streams
    },
    endListening,
    retire,
    reconsider,
    destroy,
  }
}

function openOutlet(upstream: HttpUpstream, limits: Limits): Outlet {
  const { balance, origin, limits: own } = upstream
  const connect = buildConnector({
    allowH2: false,
    timeout: own.connectTimeoutMs ?? limits.connectTimeoutMs,
    keepAlive: true,
    keepAliveInitialDelay: KEEP_ALIVE_PROBE_MS,
  })
  if (balance === null) return createLanes(origin, connect)
  return createBalanced(balance, (each) => createLanes(each, connect))
}
