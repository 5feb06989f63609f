// Owns a small app of pages alone, and one example of each view, for tests that look at pages.

import Fastify, { type FastifyInstance } from 'fastify'
import type { Test } from 'tap'
import { scopeChoices } from '../../src/consent/choices.ts'
import { EXPIRED_SIGN_IN } from '../../src/http/expired.ts'
import { addPages, type PageNeeds, type Pages } from '../../src/http/pages.ts'
import type {
  ConsentView,
  ErrorView,
  HomeView,
  LoginView,
  MessageView,
  SetupView,
} from '../../src/http/view-data.ts'

export const PUBLIC_URL = 'http://localhost:8080'

/** An app with what all pages share and the routes that `addRoutes` adds; closed when the test ends. */
export async function buildPages(
  t: Test,
  addRoutes: (app: FastifyInstance, pages: Pages) => void | Promise<void> = () => {},
  needs: Partial<PageNeeds> = {},
): Promise<FastifyInstance> {
  const app = Fastify()
  t.teardown(() => app.close())
  const pages = await addPages(app, { publicUrl: PUBLIC_URL, isOutage: () => false, ...needs })
  await addRoutes(app, pages)
  return app
}

/** As the browser sends it, unless a test says otherwise. */
export const BROWSER = { host: 'localhost:8080', accept: 'text/html,application/xhtml+xml,*/*;q=0.8' }

export const LOGIN: LoginView = {
  action: '/login/4Xh2',
  client: { name: 'Claude Code', verifiedHost: 'claude.ai' },
  email: '',
  problem: null,
  retryAfterSeconds: null,
}

export const SETUP: SetupView = {
  action: '/setup',
  token: 'one-time',
  email: '',
  minimumPasswordLength: 12,
  problems: [],
}

export const CONSENT: ConsentView = {
  action: '/consent/4Xh2',
  client: { name: 'Claude Code', verifiedHost: 'claude.ai' },
  redirect: { host: 'localhost', kind: 'loopback' },
  server: { title: 'Notes', resource: `${PUBLIC_URL}/mcp/notes` },
  groups: [
    {
      title: 'Notes',
      choices: scopeChoices({
        upstream: { name: 'notes', toolScopes: [] },
        requested: new Set(['notes:read']),
        tools: undefined,
        agreedAt: null,
      }),
    },
  ],
  identity: [],
  account: { id: 'usr_1', email: 'ada@example.org' },
  switchAccountHref: '/consent/4Xh2/switch',
  notice: null,
}

export const HOME: HomeView = {
  endpoints: [{ title: 'Notes', url: `${PUBLIC_URL}/mcp` }],
  isLocal: true,
  signedInAs: null,
  signInHref: '/authorize?client_id=gatehouse',
  signOutAction: '/logout/confirm',
  needsSetUp: false,
}

export const ERROR: ErrorView = EXPIRED_SIGN_IN

export const MESSAGE: MessageView = {
  title: 'You are signed in',
  message: 'You can close this page.',
  link: { href: '/', label: 'To the front page' },
}
