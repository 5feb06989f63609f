// Owns a small app of pages alone, and one example of each view, for tests that look at pages.

import Fastify, { type FastifyInstance } from 'fastify'
import type { Test } from 'tap'
import { scopeChoices } from '../../src/consent/choices.ts'
import type {
  AccountView,
  ApiKeyView,
  ConnectionLine,
  ConnectView,
} from '../../src/http/account-view-data.ts'
import { EXPIRED_SIGN_IN } from '../../src/http/expired.ts'
import type { ConsentView, LoginView, SetupView } from '../../src/http/interaction-view-data.ts'
import { addPages, type PageNeeds, type Pages } from '../../src/http/pages.ts'
import type { ErrorView, HomeView, MessageView, SignpostView } from '../../src/http/view-data.ts'

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

export const SIGNPOST: SignpostView = {
  title: 'n'.repeat(200),
  url: `${PUBLIC_URL}/mcp/notes`,
  isLocal: true,
}

export const ERROR: ErrorView = EXPIRED_SIGN_IN

export const MESSAGE: MessageView = {
  title: 'You are signed in',
  message: 'You can close this page.',
  link: { href: '/', label: 'To the front page' },
}

const MOMENT = { iso: '2026-11-21T10:00:00.000Z', text: 'yesterday' }

export const CONNECT: ConnectView = {
  action: '/connect/notes',
  disconnectAction: '/connect/notes/end',
  title: 'Notes',
  host: 'notes.example.org',
  email: 'ada@example.org',
  how: 'oauth2',
  shared: false,
  hint: null,
  handle: '4Xh2',
  connectedSince: null,
  lastUsed: null,
  state: { label: 'needs login', isGood: false, why: null },
  scopes: [],
  mayConnect: true,
  problem: null,
}

export const CONNECT_BY_KEY: ConnectView = {
  ...CONNECT,
  how: 'api-key',
  shared: true,
  hint: 'Settings, Developers, New token.',
  connectedSince: MOMENT,
  lastUsed: MOMENT,
  state: { label: 'expired', isGood: false, why: 'It is not accepted any more. A new key helps.' },
  scopes: ['read', 's'.repeat(100)],
  problem: 'The server does not accept this key.',
}

export const API_KEY: ApiKeyView = {
  key: `gh_${'0aA'.repeat(16).slice(0, 46)}`,
  name: 'nightly build',
  back: '/account',
}

const CONNECTION: ConnectionLine = {
  title: 'Notes',
  href: '/connect/notes',
  state: { label: 'needs login', isGood: false, why: null },
  action: 'Connect',
  shared: false,
  scopes: [],
  since: null,
  lastUsed: null,
}

/** With a key and connections of every state. */
export const ACCOUNT: AccountView = {
  actions: {
    disconnect: '/account/apps/disconnect',
    endSession: '/account/sessions/end',
    endAll: '/account/sessions/end-all',
    password: '/account/password',
    createKey: '/account/keys/create',
    revokeKey: '/account/keys/revoke',
    signOut: '/logout/confirm',
  },
  person: { name: 'Ada', email: 'ada@example.org' },
  apps: [],
  browsers: [{ sessionId: 's', name: 'Firefox', ip: '::1', isThis: true, signedIn: MOMENT, seen: MOMENT }],
  connections: [
    CONNECTION,
    {
      ...CONNECTION,
      title: 'n'.repeat(200),
      state: { label: 'connected', isGood: true, why: null },
      shared: true,
      scopes: ['read', 'write', 's'.repeat(100)],
      since: MOMENT,
      lastUsed: MOMENT,
    },
    {
      ...CONNECTION,
      title: 'Tickets',
      state: { label: 'error', isGood: false, why: 'The server did not answer.' },
      since: MOMENT,
    },
  ],
  leftOver: [{ title: 'old', action: '/connect/-/left/old', shared: false, since: MOMENT }],
  keys: [
    {
      id: 'k',
      name: 'k'.repeat(100),
      hint: 'gh_0aA0aA',
      may: ['Notes: read'],
      created: MOMENT,
      lastUsed: null,
      expires: null,
    },
  ],
  newKey: {
    offers: [
      {
        title: 'Notes',
        scopes: [
          { scope: 'notes:read', label: 'Read' },
          { scope: 'notes', label: 'Everything, including changes' },
        ],
      },
    ],
    lifetimes: [
      { days: 30, chosen: true },
      { days: 365, chosen: false },
    ],
    name: '',
    chosen: new Set(),
  },
  hasPassword: true,
  minimumPasswordLength: 8,
  problems: [],
  retryAfterSeconds: null,
  notice: null,
}
