// Owns where the gateway is mounted: /mcp and everything below it, and the metadata of its protected resources.

import type { FastifyPluginCallback, FastifyReply, FastifyRequest } from 'fastify'
import { metadataPath } from '../oauth/resource.ts'
import type { Gateway } from './gateway.ts'
import type { Signpost } from './signpost.ts'

export interface GatewayPluginOptions {
  readonly gateway: Gateway
  readonly signpost?: Signpost
}

const METADATA_SECONDS = 60
const METADATA_PATHS = ['', '/mcp', '/mcp/:upstream'].map(metadataPath)
const PREFLIGHT_SECONDS = 7200

export const gatewayPlugin: FastifyPluginCallback<GatewayPluginOptions> = (
  app,
  { gateway, signpost },
  done,
) => {
  // In a hook, because after it Fastify looks at the body: it would refuse one by its type before the token was asked for.
  const onRequest = (request: FastifyRequest, reply: FastifyReply, next: () => void) => {
    if (signpost?.isFor(request.raw)) return next()
    reply.hijack()
    gateway.handle(request.raw, reply.raw)
  }
  const answer = signpost?.answer ?? unreachable
  for (const url of ['/mcp', '/mcp/*']) app.all(url, { onRequest }, answer)
  for (const url of METADATA_PATHS) {
    app.get(url, (request, reply) => answerMetadata(gateway, request, reply))
    app.options(url, allowMetadata)
  }
  done()
}

/** The hook took the request. */
async function unreachable(): Promise<never> {
  throw new Error('The gateway did not answer.')
}

/** RFC 9728 §3.1. Public, and read by pages of any origin before they have a token. */
function answerMetadata(gateway: Gateway, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const [path = ''] = request.url.split('?', 1)
  const metadata = gateway.metadata(path)
  reply.header('access-control-allow-origin', '*')
  if (metadata) return reply.header('cache-control', `public, max-age=${METADATA_SECONDS}`).send(metadata)
  return reply.code(404).header('cache-control', 'no-store').send({
    error: 'not_found',
    error_description: 'There is no protected resource at this path; with several, each has its own',
  })
}

/** SDK clients send `MCP-Protocol-Version` along, which makes a browser ask first. */
function allowMetadata(_: FastifyRequest, reply: FastifyReply): FastifyReply {
  return reply
    .code(204)
    .header('access-control-allow-origin', '*')
    .header('access-control-allow-methods', 'GET, HEAD, OPTIONS')
    .header('access-control-allow-headers', 'MCP-Protocol-Version, Accept, Content-Type, Authorization')
    .header('access-control-max-age', String(PREFLIGHT_SECONDS))
    .send()
}
