// Owns what every page of this origin shares, in the order in which a request meets it, and the port that rooms with pages get.

import formbody from '@fastify/formbody'
import type { FastifyInstance, preHandlerHookHandler } from 'fastify'
import { addCsrfProtection } from './csrf.ts'
import { addErrorAnswers } from './errors.ts'
import { refuseForeignHosts } from './host.ts'
import { createProceed, type Proceed } from './proceed.ts'
import { addSecurityHeaders } from './security-headers.ts'
import { addStylesheet } from './stylesheet.ts'
import { addViews, type Render } from './views.ts'

/** More than any form of ours can fill, far less than a body that costs something to parse. */
const FORM_LIMIT_BYTES = 32 * 1024

export interface Pages {
  readonly render: Render
  readonly proceed: Proceed
  /** preHandler of every route that a form posts to; refuses with 403 and a page that says what to do. */
  readonly checkCsrf: preHandlerHookHandler
}

export interface PageNeeds {
  /** The origin that people see, without a trailing slash. */
  readonly publicUrl: string
  /** Whether an error is an outage of the database: 503 and Retry-After instead of 500. */
  readonly isOutage: (error: unknown) => boolean
  readonly product?: string
}

/** Call it on the root instance, before anything else is registered: its hooks hold for every route, unknown ones too. */
export async function addPages(app: FastifyInstance, needs: PageNeeds): Promise<Pages> {
  const { publicUrl, isOutage, product = 'Gatehouse' } = needs
  await addSecurityHeaders(app, publicUrl)
  refuseForeignHosts(app, publicUrl)
  const checkCsrf = await addCsrfProtection(app, publicUrl)
  await app.register(formbody, { bodyLimit: FORM_LIMIT_BYTES })
  const stylesheet = await addStylesheet(app)
  const render = await addViews(app, { publicUrl, stylesheet, product })
  addErrorAnswers(app, { render, isOutage })
  return { render, proceed: createProceed(render), checkCsrf }
}
