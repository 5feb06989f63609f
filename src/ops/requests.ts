// Owns what each HTTP request leaves: one log line, and a count.

import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { redactUrl } from './logger.ts'
import type { Metrics } from './metrics.ts'

/** Asked every few seconds by machines; their good answers say nothing. */
const QUIET: ReadonlySet<string> = new Set(['/healthz', '/readyz'])

/** Every path that leads nowhere. */
const UNKNOWN = ''

export function logRequests(app: FastifyInstance, metrics: Pick<Metrics, 'request'> | null): void {
  app.addHook('onResponse', async (request, reply) => {
    const { statusCode } = reply.raw
    const { url } = request.routeOptions
    metrics?.request({ route: url ?? UNKNOWN, status: statusCode, milliseconds: reply.elapsedTime })
    if (statusCode < 400 && url !== undefined && QUIET.has(url)) return
    request.log[statusCode >= 500 ? 'error' : 'info'](outcome(request, reply), 'request')
  })
}

function outcome(request: FastifyRequest, reply: FastifyReply) {
  return {
    method: request.method,
    url: redactUrl(request.raw.url ?? ''),
    status: reply.raw.statusCode,
    ms: Math.round(reply.elapsedTime),
    ip: request.ip,
  }
}
