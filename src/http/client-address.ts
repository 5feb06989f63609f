// Owns whose address a request comes from, behind the proxies that are trusted: the same answer as Fastify's `request.ip`.

import type { IncomingMessage } from 'node:http'
import proxyAddress from '@fastify/proxy-addr'

export type TrustProxy = boolean | string[] | ((address: string, hop: number) => boolean)

export function createClientAddress(trust: TrustProxy): (req: IncomingMessage) => string {
  if (trust === false) return ({ socket }) => socket.remoteAddress ?? ''
  const trusted = Array.isArray(trust) ? proxyAddress.compile(trust) : trust === true ? () => true : trust
  return (req) => proxyAddress(req, trusted)
}
