// Owns a whole Gatehouse on a port of this machine, with one upstream and one person, for the conformance run.

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { buildApp } from '../../src/app.ts'
import type { Overrides } from '../../src/app-foundation.ts'
import { loadConfig, loadSecrets } from '../../src/config/config.ts'
import { createGuardedFetch } from '../../src/http/guarded-fetch.ts'
import { createLogger } from '../../src/ops/logger.ts'
import { type Browser, createBrowser, type Page } from '../support/browser.ts'
import { authorizationRequest, postForm, REDIRECT_URI, register } from '../support/oauth.ts'
import type { GatewayUnderTest } from './gateway.ts'

const UPSTREAM = 'everything'
const PERSON = { email: 'ada@example.org', password: 'correct horse battery staple' }
const MOST_PAGES = 5
const FILE_POLL_MS = 50

export async function startGatehouse(upstream: string, port: number): Promise<GatewayUnderTest> {
  const { issuer, close } = await start(port, {
    UPSTREAMS: JSON.stringify({ [UPSTREAM]: { url: upstream } }),
  })
  return {
    name: 'Gatehouse',
    issuer,
    mcpUrl: `${issuer}/mcp`,
    signIn: () => signIn(issuer, `${issuer}/mcp`, UPSTREAM),
    registerClient: async (redirectUri) =>
      (await register(issuer, { redirect_uris: [redirectUri] })).client_id,
    approve: async (request) => void (await fetch(await allow(issuer, request))).body?.cancel(),
    close,
  }
}

export interface Started {
  readonly issuer: string
  close(): Promise<void>
}

/** Reads its upstreams again whenever the file changes. Authorization servers on this machine are as good as any. */
export async function startWithFile(upstreamsFile: string, port: number): Promise<Started> {
  const upstreamFetch = createGuardedFetch({ isConfigured: (origin) => isLoopback(new URL(origin).hostname) })
  return start(port, { UPSTREAMS_FILE: upstreamsFile }, { upstreamFetch, filePollMs: FILE_POLL_MS })
}

async function start(
  port: number,
  upstreams: Record<string, string>,
  overrides: Partial<Overrides> = {},
): Promise<Started> {
  const directory = await mkdtemp(join(tmpdir(), 'gatehouse-'))
  const issuer = `http://localhost:${port}`
  const env = { ...environmentOf(issuer, port, directory), ...upstreams }
  const readConfig = () => loadConfig(env)
  const config = readConfig()
  const logger = createLogger({ level: config.logLevel })
  const { app } = await buildApp(config, await loadSecrets(env, config), { logger, readConfig, ...overrides })
  await app.listen({ host: config.host, port: config.port })
  return {
    issuer,
    close: async () => {
      await app.close()
      await rm(directory, { recursive: true, force: true })
    },
  }
}

function isLoopback(hostname: string): boolean {
  return hostname === 'localhost' || hostname === '127.0.0.1'
}

function environmentOf(issuer: string, port: number, directory: string): Record<string, string> {
  return {
    PUBLIC_URL: issuer,
    PORT: String(port),
    DATA_DIR: directory,
    ADMIN_EMAIL: PERSON.email,
    ADMIN_PASSWORD: PERSON.password,
    LOG_LEVEL: 'error',
  }
}

export async function signIn(issuer: string, resource: string, scope: string): Promise<string> {
  const { client_id } = await register(issuer)
  const request = authorizationRequest(issuer, client_id, { scope, resource })
  const code = new URL(await allow(issuer, request.url)).searchParams.get('code')
  const answer = await postForm(`${issuer}/token`, {
    grant_type: 'authorization_code',
    code: code ?? '',
    client_id,
    redirect_uri: REDIRECT_URI,
    code_verifier: request.verifier,
    resource,
  })
  const { access_token } = answer.body
  if (typeof access_token !== 'string') throw new Error(`No token: ${JSON.stringify(answer.body)}`)
  return access_token
}

/** In a browser of its own: signs in, allows, and says where the browser is sent then. */
async function allow(issuer: string, request: string): Promise<string> {
  const browser = createBrowser(issuer)
  const end = await leave(issuer, browser, await browser.open(request), (page) =>
    browser.submit(page, {}, 'allow'),
  )
  if (typeof end === 'string') return end
  throw new Error(textOf(end))
}

/**
 * The person opens a link that a call was answered with, logs in at the upstream, comes back, and reads what is said then.
 * `key`: what they paste instead, where the page asks for something to paste.
 */
export async function logInAtUpstream(issuer: string, link: string, upstream: string, key?: string) {
  const browser = createBrowser(issuer)
  const form = `form[action="/connect/${upstream}"]`
  if (key !== undefined) return paste(issuer, browser, link, { form, key })
  const asked = await leave(issuer, browser, await browser.open(link), (page) =>
    browser.submit(page, {}, undefined, form),
  )
  if (typeof asked !== 'string') return { isDone: false, said: textOf(asked) }
  const there = await fetch(asked, { redirect: 'manual' })
  await there.body?.cancel()
  const back = await browser.open(there.headers.get('location') ?? '')
  return { isDone: back.status < 400, said: textOf(back) }
}

async function paste(
  issuer: string,
  browser: Browser,
  link: string,
  { form, key }: { readonly form: string; readonly key: string },
) {
  const first = await browser.open(link)
  const page = asksForSignIn(first) ? await browser.submit(first, PERSON) : first
  const done = await browser.submit(page, { key }, undefined, form)
  return { isDone: done.url.startsWith(`${issuer}/connect/-/done/`), said: textOf(done) }
}

/** And not for a key, which a page hides in the same way. */
function asksForSignIn({ document }: Page): boolean {
  return document.querySelector('input[name="email"]') !== null
}

function textOf({ document }: Page): string {
  return document.querySelector('main')?.text.replace(/\s+/g, ' ').trim() ?? ''
}

/** From page to page until the browser is sent to somebody else; or the page that says what is wrong. */
async function leave(
  issuer: string,
  browser: Browser,
  first: Page,
  act: (page: Page) => Promise<Page>,
): Promise<string | Page> {
  let page = first
  for (let pages = 0; pages < MOST_PAGES; pages++) {
    if (!page.url.startsWith(`${issuer}/`)) return page.url
    if (page.status >= 400) return page
    page = await (asksForPassword(page) ? browser.submit(page, PERSON) : act(page))
  }
  throw new Error(`The pages never end: ${page.url}`)
}

function asksForPassword(page: Page): boolean {
  return page.document.querySelector('input[type="password"]') !== null
}
