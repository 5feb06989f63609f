// Owns the refusal of foreign Host headers, before any URL is built from one (RFC 9110 §7.4, DNS rebinding).

import type { IncomingMessage } from 'node:http'
import type { FastifyInstance } from 'fastify'
import { wantsPage } from './accept.ts'

/** Probes reach these by an address, not by the public name. Nothing in their answers depends on the host. */
const EXEMPT_PATHS: ReadonlySet<string> = new Set(['/healthz', '/readyz'])
const DEFAULT_PORTS: Readonly<Record<string, string>> = { 'http:': ':80', 'https:': ':443' }

export type HostCheck = (request: Pick<IncomingMessage, 'rawHeaders' | 'url'>) => boolean

/** True for exactly one Host header that names `publicUrl`, and a request target that names no other host. */
export function createHostCheck(publicUrl: string): HostCheck {
  const { host, port, protocol } = new URL(publicUrl)
  const ours = new Set(port === '' ? [host, host + DEFAULT_PORTS[protocol]] : [host])
  return ({ rawHeaders, url = '/' }) => {
    const [named, ...others] = hostHeaders(rawHeaders)
    if (named === undefined || others.length > 0) return false
    return ours.has(named.toLowerCase()) && isOurTarget(url, ours)
  }
}

/** A hook on every route, unknown ones included. */
export function refuseForeignHosts(app: FastifyInstance, publicUrl: string): void {
  const isOurs = createHostCheck(publicUrl)
  const error_description = `This service answers at ${publicUrl} only. If that is where you went, a proxy in between has to keep the Host header.`

  app.addHook('onRequest', async ({ raw, headers }, reply) => {
    if (isOurs(raw) || EXEMPT_PATHS.has(pathOf(raw.url))) return
    // RFC 9110 §15.5.20. The connection may be meant for somebody else altogether.
    reply.code(421).headers({ 'cache-control': 'no-store', connection: 'close' })
    if (wantsPage(headers)) return reply.type('text/plain; charset=utf-8').send(error_description)
    return reply.send({ error: 'misdirected_request', error_description })
  })
}

/** node:http keeps only the first of two Host headers in `headers`; `rawHeaders` has both. */
function hostHeaders(rawHeaders: readonly string[]): string[] {
  const values: string[] = []
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = rawHeaders[at]
    if (name?.length === 4 && name.toLowerCase() === 'host') values.push(rawHeaders[at + 1] ?? '')
  }
  return values
}

/** RFC 9112 §3.2.2: in absolute form the target's host counts, not the header's. */
function isOurTarget(target: string, ours: ReadonlySet<string>): boolean {
  if (target.startsWith('/') || target === '*') return true
  const url = URL.parse(target)
  return url !== null && url.username === '' && url.password === '' && ours.has(url.host)
}

function pathOf(target = ''): string {
  const query = target.indexOf('?')
  return query === -1 ? target : target.slice(0, query)
}
