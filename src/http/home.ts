// Owns the front page: what this is, and the address to give to a client.

import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { isLoopbackHost } from '../oauth/loopback.ts'
import type { Pages } from './pages.ts'
import type { EndpointLine } from './view-data.ts'

export interface HomeNeeds {
  readonly pages: Pages
  readonly publicUrl: string
  /** Addresses for clients, the main one first. Asked each time, because upstreams come and go. */
  readonly endpoints: () => readonly EndpointLine[]
  /** The email address of who is signed in with this browser. */
  readonly signedInAs: (request: FastifyRequest, reply: FastifyReply) => Promise<string | null>
  /** Where signing in begins. */
  readonly signInHref: () => string
  /** Where a form of ours signs this browser out. */
  readonly signOutAction: string
  /** No administrator exists yet. */
  readonly needsSetUp: () => Promise<boolean>
}

export async function home(app: FastifyInstance, needs: HomeNeeds): Promise<void> {
  const isLocal = isLoopbackHost(new URL(needs.publicUrl).hostname)

  app.get('/', async (request, reply) => {
    const [signedInAs, needsSetUp] = await Promise.all([needs.signedInAs(request, reply), needs.needsSetUp()])
    const view = {
      endpoints: needs.endpoints(),
      isLocal,
      signedInAs,
      signInHref: needs.signInHref(),
      signOutAction: needs.signOutAction,
      needsSetUp,
    }
    return needs.pages.render(reply, 'home', view)
  })
}
