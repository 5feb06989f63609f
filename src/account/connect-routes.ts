// Owns the pages on which a person logs in at an upstream: from their account, or from the link that a call was answered with.

import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { Sessions, SignedInPerson } from '../authorization-server/sessions.ts'
import { fieldOf, storedNameIn } from '../http/csrf.ts'
import type { Pages } from '../http/pages.ts'
import type { Audit } from '../ops/audit.ts'
import {
  CALLBACK_PATH,
  type Connections,
  type ConnectLink,
  connectPath,
  type Wish,
} from '../upstreams/connections/port.ts'
import { BROKEN_LINK, connectView, NOT_FOUND, NOT_YOURS, UNKNOWN_LOGIN, withoutMore } from './connect-view.ts'
import { ACCOUNT_PATH, LEFT_OVER_PATH } from './paths.ts'

export interface ConnectRouteNeeds {
  readonly pages: Pages
  readonly sessions: Sessions
  readonly connections: Pick<
    Connections,
    'list' | 'wishOf' | 'begin' | 'finish' | 'paste' | 'disconnect' | 'leftOver' | 'endLeftOver'
  >
  /** What is in a link that a call was answered with; null when nothing of ours is. */
  readonly readLink: (handle: string, upstream: string) => ConnectLink | null
  /** The path at which signing in begins that ends at `landing`. */
  readonly startSignIn: (landing: string) => string
  readonly audit: Pick<Audit, 'upstreamConnected' | 'upstreamDisconnected' | 'upstreamRefused'>
}

interface Asked {
  readonly request: FastifyRequest
  readonly reply: FastifyReply
  readonly person: SignedInPerson
}

/** What somebody comes for. `scope`: what the login of whoever was sent the link lacks. */
interface Invitation {
  readonly wish: Wish
  readonly handle: string
  readonly scope: string | null
}

export function addConnectRoutes(app: FastifyInstance, needs: ConnectRouteNeeds): void {
  const { pages, sessions, connections, audit } = needs

  /** Signed in, or signing in first and coming back. */
  const signedIn =
    (act: (asked: Asked) => Promise<FastifyReply>) =>
    async (request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> => {
      const person = await sessions.current(request, reply)
      if (person) return act({ request, reply, person })
      // Not with the code of a callback: it is for the session that is gone.
      const isPage = request.method === 'GET' && !request.url.startsWith(`${CALLBACK_PATH}?`)
      const landing = isPage ? request.url : ACCOUNT_PATH
      return reply.header('cache-control', 'no-store').redirect(needs.startSignIn(landing), 303)
    }

  const show = async (
    { reply, person }: Asked,
    wish: Wish,
    handle: string,
    problem: string | null = null,
  ) => {
    const found = (await connections.list(person.user.id)).find(({ upstream }) => upstream === wish.upstream)
    const { email, role } = person.user
    const mayConnect = !wish.shared || role === 'admin'
    const view = connectView(wish, found ?? null, { email, handle, problem, mayConnect })
    return pages.render(reply, 'connect', view, { status: problem === null ? 200 : 422 })
  }

  /** Whoever opens somebody else's link is told so, and nothing begins (MCP, URL Mode Elicitation, "Phishing"). */
  const invited =
    (act: (asked: Asked, invitation: Invitation) => Promise<FastifyReply>) => async (asked: Asked) => {
      const { request, reply, person } = asked
      const wish = connections.wishOf(nameIn(request))
      if (!wish) return pages.render(reply, 'message', NOT_FOUND, { status: 404 })
      const handle = handleIn(request)
      if (handle === '') return act(asked, { wish, handle, scope: null })
      const link = needs.readLink(handle, wish.upstream)
      if (link === null) return pages.render(reply, 'message', BROKEN_LINK, { status: 400 })
      if (link.userId !== person.user.id) return pages.render(reply, 'message', NOT_YOURS, { status: 403 })
      return act(asked, { wish, handle, scope: link.scope })
    }

  app.get(
    CALLBACK_PATH,
    signedIn(async ({ request, reply, person }) => {
      const parameters = new URL(request.url, 'http://callback').searchParams
      const { user, sessionId } = person
      const isOperator = user.role === 'admin'
      const outcome = await connections.finish({ userId: user.id, sessionId, isOperator }, parameters)
      if (outcome.kind === 'unknown') return pages.render(reply, 'message', UNKNOWN_LOGIN, { status: 400 })
      if (outcome.kind === 'connected') {
        audit.upstreamConnected({ userId: user.id, upstream: outcome.upstream })
        return done(reply, outcome.upstream)
      }
      audit.upstreamRefused({ userId: user.id, upstream: outcome.upstream, why: outcome.why })
      const wish = outcome.upstream === null ? null : connections.wishOf(outcome.upstream)
      if (!wish) return pages.render(reply, 'message', UNKNOWN_LOGIN, { status: 400 })
      return show({ request, reply, person }, wish, '', outcome.why)
    }),
  )

  app.get('/connect/-/done/:upstream', signedIn(invited(async ({ reply }, { wish }) => sayDone(reply, wish))))

  app.get('/connect/:upstream', signedIn(invited((asked, { wish, handle }) => show(asked, wish, handle))))

  app.post(
    '/connect/:upstream',
    { preHandler: pages.checkCsrf },
    signedIn(
      invited(async (asked, { wish, handle, scope }) => {
        const { user, sessionId } = asked.person
        const { upstream } = wish
        const who = { userId: user.id, sessionId, upstream, scope, isOperator: user.role === 'admin' }
        if (wish.how === 'api-key') return paste(asked, wish, handle)
        const begun = await connections.begin(who)
        if (begun.kind === 'redirect') return pages.proceed(asked.reply, begun.url)
        audit.upstreamRefused({ userId: user.id, upstream: wish.upstream, why: begun.why })
        return show(asked, wish, handle, begun.why)
      }),
    ),
  )

  app.post(
    '/connect/:upstream/end',
    { preHandler: pages.checkCsrf },
    signedIn(
      invited(async (asked, { wish, handle }) => {
        const { upstream } = wish
        const { id: userId, role } = asked.person.user
        const ended = await connections.disconnect({ userId, upstream, isOperator: role === 'admin' })
        if (ended.kind === 'failed') {
          audit.upstreamRefused({ userId, upstream, why: ended.why })
          return show(asked, wish, handle, ended.why)
        }
        if (ended.kind === 'ended') audit.upstreamDisconnected({ userId, upstream })
        return asked.reply.header('cache-control', 'no-store').redirect(connectPath(upstream), 303)
      }),
    ),
  )

  app.post(
    `${LEFT_OVER_PATH}:upstream`,
    { preHandler: pages.checkCsrf },
    signedIn(async ({ request, reply, person }) => {
      const upstream = nameIn(request)
      const { id, role } = person.user
      const userId = fieldOf(request.body, 'everybody') === 'yes' ? null : id
      const ended = await connections.endLeftOver({ userId, upstream, isOperator: role === 'admin' })
      if (ended.kind === 'ended') audit.upstreamDisconnected({ userId: id, upstream })
      else if (ended.kind === 'failed') audit.upstreamRefused({ userId: id, upstream, why: ended.why })
      return reply.header('cache-control', 'no-store').redirect(ACCOUNT_PATH, 303)
    }),
  )

  const paste = async (asked: Asked, wish: Wish, handle: string) => {
    const { id: userId } = asked.person.user
    const outcome = await connections.paste(userId, wish.upstream, fieldOf(asked.request.body, 'key') ?? '')
    if (outcome.kind !== 'connected')
      return show(asked, wish, handle, outcome.kind === 'failed' ? outcome.why : null)
    audit.upstreamConnected({ userId, upstream: wish.upstream })
    return done(asked.reply, wish.upstream)
  }

  /** Without the code in the address, so that reloading repeats nothing and nothing of it is in the history. */
  const done = (reply: FastifyReply, upstream: string) =>
    reply.header('cache-control', 'no-store').redirect(`/connect/-/done/${upstream}`, 303)

  const sayDone = (reply: FastifyReply, wish: Wish) => pages.render(reply, 'message', withoutMore(wish))
}

function nameIn({ params }: FastifyRequest): string {
  return storedNameIn(params, 'upstream')
}

function handleIn({ method, query, body }: FastifyRequest): string {
  return storedNameIn(method === 'GET' ? query : body, 'for')
}
