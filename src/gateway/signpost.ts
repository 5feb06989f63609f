// Owns what a person sees who opens an address for apps in a browser: where they are, and how an app is connected; or that none is there.

import type { IncomingMessage, ServerResponse } from 'node:http'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { wantsPage } from '../http/accept.ts'
import type { Pages } from '../http/pages.ts'
import type { ErrorView } from '../http/view-data.ts'
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
export function isPerson({ method, headers }: IncomingMessage, { status, reason }: Refusal): boolean {
  if (status !== 401 && reason !== 'path') return false
  if (method !== 'GET' || headers.authorization !== undefined) return false
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
      if (!refusal) throw new Error('Nobody is to be shown the way.')
      const { status, headers } = refusal
      for (let at = 0; at + 1 < headers.length; at += 2) reply.header(headers[at] ?? '', headers[at + 1])
      const [path = ''] = request.url.split('?', 1)
      const { resource } = registry.find(path) ?? {}
      if (!resource) return pages.render(reply, 'error', nothingAt(path, registry), { status })
      const { title, identifier: url } = resource
      const view = { title, url, isLocal: isLoopbackHost(new URL(url).hostname) }
      return pages.render(reply, 'signpost', view, { status })
    },
  }
}

/** As target.ts tells a client. */
function nothingAt(path: string, registry: SignpostNeeds['registry']): ErrorView {
  const meant = registry.find(path.replace(/\/+$/, ''))?.resource.identifier
  return {
    title: 'No server here',
    message: 'There is no MCP server at this address.',
    advice: meant
      ? `Without the slash at its end there is: ${meant}`
      : 'Check the name at its end. The front page lists the addresses that there are.',
    link: { href: '/', label: 'Front page' },
    code: null,
    requestId: null,
  }
}
