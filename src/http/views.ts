// Owns the rendering of views: the engine, what every page is given beside its own data, and the headers of a page.

import { randomBytes } from 'node:crypto'
import { fileURLToPath } from 'node:url'
import view from '@fastify/view'
import { Eta } from 'eta'
import type { FastifyInstance, FastifyReply } from 'fastify'
import { displayDuration, displayHost, displayName, escapeHtml } from './display.ts'
import { PAGE_ICON } from './icon.ts'
import { pagePolicy } from './page-policy.ts'
import type { RenderOptions, ViewData, ViewName } from './view-data.ts'

const VIEWS_DIRECTORY = fileURLToPath(new URL('../../views', import.meta.url))

/** Renders a view with its security headers and sends it: `return pages.render(reply, 'login', data)`. */
export type Render = <Name extends ViewName>(
  reply: FastifyReply,
  name: Name,
  data: ViewData[Name],
  options?: RenderOptions,
) => Promise<FastifyReply>

export interface ViewNeeds {
  readonly publicUrl: string
  /** The path of the style sheet. */
  readonly stylesheet: string
  readonly product: string
}

export async function addViews(app: FastifyInstance, needs: ViewNeeds): Promise<Render> {
  await app.register(view, {
    engine: { eta: new Eta({ escapeFunction: escapeHtml }) },
    root: VIEWS_DIRECTORY,
    production: true,
  })
  return async (reply, name, data, { status = 200, formAction } = {}) => {
    const nonce = randomBytes(16).toString('base64')
    const html = await reply.viewAsync(name, { ...data, page: pageContext(reply, nonce, needs) })
    return reply.code(status).headers(pageHeaders(nonce, formAction)).send(html)
  }
}

/** What the views know as `it.page`. */
function pageContext(reply: FastifyReply, nonce: string, { publicUrl, stylesheet, product }: ViewNeeds) {
  return {
    nonce,
    stylesheet,
    product,
    icon: PAGE_ICON,
    host: new URL(publicUrl).host,
    /** Gives this browser its secret when it has none, so only pages with a form set a cookie. */
    csrfToken: () => reply.generateCsrf(),
    name: displayName,
    ascii: displayHost,
    duration: displayDuration,
  }
}

function pageHeaders(nonce: string, formAction: string | undefined) {
  return {
    'content-type': 'text/html; charset=utf-8',
    'content-security-policy': pagePolicy(nonce, formAction),
    // Fetch, "append a request Origin header": with no-referrer our own forms would be posted with `Origin: null`.
    'referrer-policy': 'same-origin',
    'cache-control': 'no-store',
  }
}
