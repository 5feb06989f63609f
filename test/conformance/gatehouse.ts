// Owns a whole Gatehouse on a port of this machine, with one upstream and one person, for the conformance run.

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { buildApp } from '../../src/app.ts'
import { loadConfig, loadSecrets } from '../../src/config/config.ts'
import { createLogger } from '../../src/ops/logger.ts'
import { createBrowser, type Page } from '../support/browser.ts'
import { authorizationRequest, postForm, REDIRECT_URI, register } from '../support/oauth.ts'
import type { GatewayUnderTest } from './gateway.ts'

const UPSTREAM = 'everything'
const PERSON = { email: 'ada@example.org', password: 'correct horse battery staple' }
const MOST_PAGES = 5

export async function startGatehouse(upstream: string, port: number): Promise<GatewayUnderTest> {
  const directory = await mkdtemp(join(tmpdir(), 'gatehouse-'))
  const issuer = `http://localhost:${port}`
  const env = environmentOf(issuer, port, directory, upstream)
  const config = loadConfig(env)
  const logger = createLogger({ level: config.logLevel })
  const { app } = await buildApp(config, await loadSecrets(env, config), { logger })
  await app.listen({ host: config.host, port: config.port })
  return {
    name: 'Gatehouse',
    issuer,
    mcpUrl: `${issuer}/mcp`,
    signIn: () => signIn(issuer),
    registerClient: async (redirectUri) =>
      (await register(issuer, { redirect_uris: [redirectUri] })).client_id,
    approve: async (request) => void (await fetch(await allow(issuer, request))).body?.cancel(),
    close: async () => {
      await app.close()
      await rm(directory, { recursive: true, force: true })
    },
  }
}

function environmentOf(
  issuer: string,
  port: number,
  directory: string,
  upstream: string,
): Record<string, string> {
  return {
    PUBLIC_URL: issuer,
    PORT: String(port),
    DATA_DIR: directory,
    ADMIN_EMAIL: PERSON.email,
    ADMIN_PASSWORD: PERSON.password,
    UPSTREAMS: JSON.stringify({ [UPSTREAM]: { url: upstream } }),
    LOG_LEVEL: 'error',
  }
}

async function signIn(issuer: string): Promise<string> {
  const { client_id } = await register(issuer)
  const request = authorizationRequest(issuer, client_id, { scope: UPSTREAM })
  const code = new URL(await allow(issuer, request.url)).searchParams.get('code')
  const answer = await postForm(`${issuer}/token`, {
    grant_type: 'authorization_code',
    code: code ?? '',
    client_id,
    redirect_uri: REDIRECT_URI,
    code_verifier: request.verifier,
    resource: `${issuer}/mcp`,
  })
  const { access_token } = answer.body
  if (typeof access_token !== 'string') throw new Error(`No token: ${JSON.stringify(answer.body)}`)
  return access_token
}

/** In a browser of its own: signs in, allows, and says where the browser is sent then. */
async function allow(issuer: string, request: string): Promise<string> {
  const browser = createBrowser(issuer)
  let page = await browser.open(request)
  for (let pages = 0; pages < MOST_PAGES; pages++) {
    if (!page.url.startsWith(`${issuer}/`)) return page.url
    page = await (asksForPassword(page) ? browser.submit(page, PERSON) : browser.submit(page, {}, 'allow'))
  }
  throw new Error(`Signing in never ends: ${page.url}`)
}

function asksForPassword(page: Page): boolean {
  return page.document.querySelector('input[type="password"]') !== null
}
