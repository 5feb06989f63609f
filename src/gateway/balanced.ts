// Owns the way to an upstream with several endpoints: each request goes to one of them, and to another while nobody was there.

import type { IncomingHttpHeaders } from 'node:http'
import type { Dispatcher } from 'undici'
import type { Balance, Turn } from '../upstreams/registry.ts'

/** Where requests are sent to; a pool of connections is one. */
export interface Outlet {
  dispatch(options: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler): boolean
  close(): Promise<void>
  destroy(): Promise<void>
}

const SESSION = 'mcp-session-id'

/** `open` makes the outlet to one origin; it is closed with this one. */
export function createBalanced(balance: Balance, open: (origin: string) => Outlet): Outlet {
  const outlets = new Map<string, Outlet>()

  function outletTo(origin: string): Outlet {
    const outlet = outlets.get(origin) ?? open(origin)
    outlets.set(origin, outlet)
    return outlet
  }

  function send(
    turn: Turn,
    options: Dispatcher.DispatchOptions,
    handler: Dispatcher.DispatchHandler,
  ): boolean {
    const { origin, path } = turn.endpoint
    const again = (next: Turn) => void send(next, options, handler)
    const addressed = { ...options, ...withSession(options.headers, turn.sessionId), path }
    return outletTo(origin).dispatch(addressed, new Sending(turn, handler, again))
  }

  const each = (end: (outlet: Outlet) => Promise<void>) => Promise.all([...outlets.values()].map(end))
  return {
    dispatch: (options, handler) => send(balance.begin(sessionOf(options.headers)), options, handler),
    close: async () => void (await each((outlet) => outlet.close())),
    destroy: async () => void (await each((outlet) => outlet.destroy())),
  }
}

/** Passes on what undici tells, and keeps the balance. */
class Sending implements Dispatcher.DispatchHandler {
  readonly #turn: Turn
  readonly #handler: Dispatcher.DispatchHandler
  readonly #again: (next: Turn) => void
  #sent = false

  constructor(turn: Turn, handler: Dispatcher.DispatchHandler, again: (next: Turn) => void) {
    this.#turn = turn
    this.#handler = handler
    this.#again = again
  }

  onRequestStart(controller: Dispatcher.DispatchController, context: unknown): void {
    this.#sent = true
    this.#handler.onRequestStart?.(controller, context)
  }

  onResponseStart(
    controller: Dispatcher.DispatchController,
    status: number,
    headers: IncomingHttpHeaders,
    message?: string,
  ): void {
    const id = headers[SESSION]
    const named = typeof id === 'string' ? { ...headers, [SESSION]: this.#turn.named(id) } : headers
    this.#handler.onResponseStart?.(controller, status, named, message)
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    this.#handler.onResponseData?.(controller, chunk)
  }

  onResponseEnd(controller: Dispatcher.DispatchController, trailers: IncomingHttpHeaders): void {
    this.#turn.over()
    this.#handler.onResponseEnd?.(controller, trailers)
  }

  onResponseError(controller: Dispatcher.DispatchController, error: Error): void {
    const next = this.#sent ? null : this.#turn.failed()
    this.#turn.over()
    if (next === null) this.#handler.onResponseError?.(controller, error)
    else this.#again(next)
  }
}

/** The headers of a request are flat pairs (request-headers.ts). */
function sessionOf(headers: Dispatcher.DispatchOptions['headers']): string | null {
  const at = placeOf(headers)
  const value = Array.isArray(headers) && at !== -1 ? headers[at + 1] : undefined
  return typeof value === 'string' ? value : null
}

function withSession(
  headers: Dispatcher.DispatchOptions['headers'],
  id: string | null,
): Pick<Dispatcher.DispatchOptions, 'headers'> {
  return id !== null && Array.isArray(headers) ? { headers: headers.with(placeOf(headers) + 1, id) } : {}
}

function placeOf(headers: Dispatcher.DispatchOptions['headers']): number {
  return Array.isArray(headers) ? headers.findIndex((each, at) => at % 2 === 0 && each === SESSION) : -1
}
