// Owns what a person sees who opens an address for apps in a browser: where they are, and how an app is connected.

import type { IncomingMessage, ServerResponse } from 'node:http'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { wantsPage } from '../http/accept.ts'
import type { Pages } from '../http/pages.ts'
import { isLoopbackHost } from '../oauth/loopback.ts'
import type { Registry } from '../upstreams/registry.ts'
import type { Refusal } from './refusal.ts'

/** Answers instead of the gateway, with the status and the headers of its refusal. */
export type ShowSignpost = (req: IncomingMessage, res: ServerResponse, refusal: Refusal) => void

export interface Signpost {
  readonly show: ShowSignpost
  /** Whether the page is what this request is to be answered with. */
  isFor(req: IncomingMessage): boolean
  answer(request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply>
}

export interface SignpostNeeds {
  readonly pages: Pick<Pages, 'render'>
  readonly registry: Pick<Registry, 'find'>
}

const FOR_CLIENTS = /application\/json|text\/event-stream/i

/** Without a token, by navigating: clients say that they take JSON or events. */
export function isPerson({ method, headers }: IncomingMessage, { status }: Refusal): boolean {
  if (status !== 401 || method !== 'GET' || headers.authorization !== undefined) return false
  return wantsPage(headers) && !FOR_CLIENTS.test(headers.accept ?? '')
}

/** The page is one of Fastify's, so the request goes back to its router, which has the rest of what belongs to a page. */
export function createSignpost(app: FastifyInstance, { pages, registry }: SignpostNeeds): Signpost {
  const refused = new WeakMap<IncomingMessage, Refusal>()
  return {
    show(req, res, refusal) {
      refused.set(req, refusal)
      app.routing(req, res)
    },
    isFor: (req) => refused.has(req),
    answer(request, reply) {
      const refusal = refused.get(request.raw)
      const { resource } = registry.find(request.url.split('?', 1)[0] ?? '') ?? {}
      // The gateway refused it there for want of a token.
      if (!refusal || !resource) throw new Error('Nobody is to be shown the way.')
      for (let at = 0; at + 1 < refusal.headers.length; at += 2)
        reply.header(refusal.headers[at] ?? '', refusal.headers[at + 1])
      const { title, identifier: url } = resource
      const view = { title, url, isLocal: isLoopbackHost(new URL(url).hostname) }
      return pages.render(reply, 'signpost', view, { status: refusal.status })
    },
  }
}
