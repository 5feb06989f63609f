// Owns the security headers of every answer; a page replaces the policy and the referrer policy with its own.

import helmet from '@fastify/helmet'
import type { FastifyInstance } from 'fastify'

const HSTS_SECONDS = 365 * 24 * 60 * 60

/** Flat pairs: those of them that mean something for an answer that is no page, for whoever answers past Fastify. */
export function standingAnswerHeaders(publicUrl: string): readonly string[] {
  const policy = ['content-security-policy', "default-src 'none'; frame-ancestors 'none'"]
  return publicUrl.startsWith('https:')
    ? [...policy, 'strict-transport-security', `max-age=${HSTS_SECONDS}`]
    : policy
}

export async function addSecurityHeaders(app: FastifyInstance, publicUrl: string): Promise<void> {
  await app.register(helmet, {
    contentSecurityPolicy: {
      useDefaults: false,
      directives: {
        defaultSrc: ["'none'"],
        baseUri: ["'none'"],
        formAction: ["'none'"],
        frameAncestors: ["'none'"],
      },
    },
    // Only where the whole origin is https for sure; never for the subdomains, which are not ours to decide about.
    strictTransportSecurity: publicUrl.startsWith('https:')
      ? { maxAge: HSTS_SECONDS, includeSubDomains: false }
      : false,
    xFrameOptions: { action: 'deny' },
    crossOriginOpenerPolicy: { policy: 'same-origin' },
    referrerPolicy: { policy: 'no-referrer' },
    xDownloadOptions: false,
    xDnsPrefetchControl: false,
    xPermittedCrossDomainPolicies: false,
    originAgentCluster: false,
  })
}
