// Owns the one log line that each HTTP request leaves.

import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { redactUrl } from './logger.ts'

/** Asked every few seconds by machines; their good answers say nothing. */
const QUIET: ReadonlySet<string> = new Set(['/healthz', '/readyz'])

export function logRequests(app: FastifyInstance): void {
  app.addHook('onResponse', async (request, reply) => {
    const { statusCode } = reply.raw
    const { url } = request.routeOptions
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
