// Owns the way on after a form was posted, when it may lead to a client.

import type { FastifyReply } from 'fastify'
import type { Render } from './views.ts'

/** Where a posted form of an interaction leads next: `return pages.proceed(reply, await interactions.allow(…))`. */
export type Proceed = (reply: FastifyReply, href: string) => Promise<FastifyReply>

/**
 * Chromium applies the form-action of the page that held the form to every redirect after the POST, those of the
 * client's own callback included, and nobody can list those. So a browser gets a page that leads on by itself: a new
 * navigation, to which form-action does not apply. Everything that is not a browser gets the redirect.
 */
export function createProceed(render: Render): Proceed {
  return async (reply, href) => {
    const isNavigation = reply.request.headers['sec-fetch-mode'] === 'navigate'
    return isNavigation ? render(reply, 'proceed', { href }) : reply.redirect(href, 303)
  }
}
