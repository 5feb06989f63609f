// Owns the front of the server: what is busy enough to go past the router, and Fastify for everything else.

import { createServer, type RequestListener } from 'node:http'
import type { FastifyServerFactory, FastifyServerOptions, RawServerDefault } from 'fastify'
import type { HostCheck } from './host.ts'

export interface Front {
  /** For Fastify's option of that name. */
  readonly serverFactory: FastifyServerFactory
  /**
   * From now on `listener` gets the requests for `path` and below. Foreign hosts never reach it. Fastify still has to have a
   * route there: it is asked by other spellings of the path, and by `inject`.
   */
  lead(path: string, listener: RequestListener): void
}

/** The router, its hooks and its objects cost about as much as a whole call through the gateway. */
export function createFront(isOurs: HostCheck): Front {
  let prefix = ''
  let taking: RequestListener | null = null
  const takes = (url: string) => url.startsWith(prefix) && isEndOfName(url[prefix.length])

  return {
    serverFactory: (router, options) => {
      const server = createServer(options.http ?? {}, (req, res) => {
        if (taking !== null && takes(req.url ?? '') && isOurs(req)) taking(req, res)
        else router(req, res)
      })
      return withTimes(server, options)
    },
    lead(path, listener) {
      prefix = path
      taking = listener
    },
  }
}

function isEndOfName(next: string | undefined): boolean {
  return next === undefined || next === '/' || next === '?'
}

/** What Fastify does for a server of its own. */
function withTimes(server: RawServerDefault, options: FastifyServerOptions): RawServerDefault {
  const { keepAliveTimeout, requestTimeout } = options
  if (keepAliveTimeout !== undefined) server.keepAliveTimeout = keepAliveTimeout
  if (requestTimeout !== undefined) server.requestTimeout = requestTimeout
  return server
}
