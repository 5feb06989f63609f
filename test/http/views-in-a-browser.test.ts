// Owns the proof in a real browser: accessible in light and dark, fit for a phone, and forms that reach the client (CO-09, CO-12).

import { createServer } from 'node:http'
import type { FastifyInstance, FastifyReply } from 'fastify'
import t, { type Test } from 'tap'
import type { Pages } from '../../src/http/pages.ts'
import { violationsOf } from '../support/accessibility.ts'
import { launchChromium } from '../support/chromium.ts'
import { freePort } from '../support/local-server.ts'
import {
  ACCOUNT,
  API_KEY,
  buildPages,
  CONNECT,
  CONNECT_BY_KEY,
  CONSENT,
  ERROR,
  HOME,
  LOGIN,
  MESSAGE,
  SETUP,
  SIGNPOST,
} from '../support/pages.ts'

const PROBLEMS = [{ field: 'password', message: 'The password is too short.' }]
const KEY_PROBLEMS = [
  { field: 'key_name', message: 'A name is missing.' },
  { field: 'key_scope', message: 'Tick what the key may do.' },
]
/** Shown at once, being new. */
const LONG_TOOLS = ['n'.repeat(200), 'a_name_'.repeat(11)].map((name) => ({ name, title: null, isNew: true }))
const UNKNOWN = { name: 'x'.repeat(200), verifiedHost: null }

const VIEWS: Readonly<Record<string, (pages: Pages, reply: FastifyReply) => Promise<FastifyReply>>> = {
  '/login': (pages, reply) => pages.render(reply, 'login', LOGIN),
  '/login-problem': (pages, reply) =>
    pages.render(reply, 'login', { ...LOGIN, client: UNKNOWN, problem: 'No.' }),
  '/setup': (pages, reply) => pages.render(reply, 'setup', { ...SETUP, problems: PROBLEMS }),
  '/consent': (pages, reply) => pages.render(reply, 'consent', CONSENT),
  '/consent-long': (pages, reply) =>
    pages.render(reply, 'consent', { ...CONSENT, client: UNKNOWN, notice: 'Look.' }),
  '/consent-several': (pages, reply) =>
    pages.render(reply, 'consent', {
      ...CONSENT,
      server: { title: '2 servers', resource: 'http://localhost:8080/mcp' },
      groups: ['Notes', 'n'.repeat(200)].map((title) => ({
        title,
        choices: CONSENT.groups[0]?.choices ?? [],
      })),
    }),
  '/consent-tools': (pages, reply) =>
    pages.render(reply, 'consent', {
      ...CONSENT,
      groups: CONSENT.groups.map((group) => ({
        ...group,
        choices: group.choices.map((choice) => ({ ...choice, tools: LONG_TOOLS })),
      })),
    }),
  '/home': (pages, reply) => pages.render(reply, 'home', HOME),
  '/signpost': (pages, reply) => pages.render(reply, 'signpost', SIGNPOST),
  '/error': (pages, reply) =>
    pages.render(reply, 'error', { ...ERROR, code: 'invalid_scope', requestId: 'req-7' }),
  '/connect': (pages, reply) => pages.render(reply, 'connect', CONNECT),
  '/connect-key': (pages, reply) => pages.render(reply, 'connect', CONNECT_BY_KEY),
  '/connect-long': (pages, reply) =>
    pages.render(reply, 'connect', {
      ...CONNECT,
      title: 'n'.repeat(200),
      host: `${'h'.repeat(60)}.example.org`,
    }),
  '/api-key': (pages, reply) => pages.render(reply, 'api-key', API_KEY),
  '/account': (pages, reply) => pages.render(reply, 'account', ACCOUNT),
  '/account-key-problem': (pages, reply) =>
    pages.render(reply, 'account', { ...ACCOUNT, problems: KEY_PROBLEMS, notice: 'The key is revoked.' }),
  '/message': (pages, reply) => pages.render(reply, 'message', MESSAGE),
}

async function listen(t: Test, port: number, addRoutes: (app: FastifyInstance, pages: Pages) => void) {
  const publicUrl = `http://localhost:${port}`
  const app = await buildPages(t, addRoutes, { publicUrl })
  await app.listen({ port, host: '127.0.0.1' })
  return publicUrl
}

t.test('every page is accessible, fits a phone and asks nobody else', async (t) => {
  const browser = await launchChromium(t)
  if (browser === null) return
  const origin = await listen(t, await freePort(), (app, pages) => {
    for (const [path, show] of Object.entries(VIEWS)) app.get(path, (_request, reply) => show(pages, reply))
  })
  for (const colorScheme of ['light', 'dark'] as const) {
    const context = await browser.newContext({ colorScheme, viewport: { width: 320, height: 640 } })
    const page = await context.newPage()
    const foreign: string[] = []
    const complaints: string[] = []
    page.on('request', (request) => {
      if (!request.url().startsWith(origin) && !request.url().startsWith('data:')) foreign.push(request.url())
    })
    page.on('console', (message) => complaints.push(`${new URL(page.url()).pathname}: ${message.text()}`))
    for (const path of Object.keys(VIEWS)) {
      await page.goto(origin + path)
      t.strictSame(await violationsOf(page), [], `${path} ${colorScheme}`)
      const overflow = await page.evaluate('document.documentElement.scrollWidth - innerWidth')
      t.equal(overflow, 0, `${path} scrolls in one direction only`)
    }
    t.strictSame(foreign, [])
    t.strictSame(complaints, [])
    await context.close()
  }
})

/** A client whose callback sends the browser on to another origin of its own, as hosted clients do. */
async function clientWithTwoOrigins(t: Test) {
  const [callbackPort, homePort] = [await freePort(), await freePort()]
  const home = createServer((_request, response) => response.end('welcome back'))
  const callback = createServer((_request, response) =>
    response.writeHead(302, { location: `http://localhost:${homePort}/` }).end(),
  )
  home.listen(homePort, '127.0.0.1')
  callback.listen(callbackPort, '127.0.0.1')
  t.teardown(() =>
    Promise.all([home, callback].map((server) => new Promise((resolve) => server.close(resolve)))),
  )
  return `http://localhost:${callbackPort}/callback`
}

t.test('after the answer the browser reaches the client, wherever that leads', async (t) => {
  const browser = await launchChromium(t)
  if (browser === null) return
  const redirectUri = await clientWithTwoOrigins(t)
  const accepted: unknown[] = []
  const origin = await listen(t, await freePort(), (app, pages) => {
    const show = (_request: unknown, reply: FastifyReply) => pages.render(reply, 'consent', CONSENT)
    app.get(CONSENT.action, show)
    app.post(CONSENT.action, { preHandler: pages.checkCsrf }, async ({ body }, reply) => {
      accepted.push(body)
      return pages.proceed(reply, '/authorize/4Xh2')
    })
    app.get('/authorize/4Xh2', async (_request, reply) => reply.redirect(redirectUri, 303))
  })
  const context = await browser.newContext({ javaScriptEnabled: false })
  const page = await context.newPage()
  await page.goto(origin + CONSENT.action)
  await page.getByRole('checkbox', { name: 'Everything' }).check()
  await page.getByRole('button', { name: 'Allow' }).click()
  await page.getByText('welcome back').waitFor()
  t.match(accepted, [{ decision: 'allow', scope: ['notes:read', 'notes'], account: 'usr_1' }])
})

t.test('a double click that began elsewhere does not press Allow', async (t) => {
  const browser = await launchChromium(t)
  if (browser === null) return
  let posts = 0
  const origin = await listen(t, await freePort(), (app, pages) => {
    app.get('/consent', (_request, reply) =>
      pages.render(reply, 'consent', { ...CONSENT, action: '/consent' }),
    )
    app.post('/consent', async () => {
      posts += 1
      return 'posted'
    })
  })
  const page = await browser.newPage()
  await page.goto(`${origin}/consent`)
  // As if the page had been opened this moment, whatever the time since then.
  const atOpening = `(() => {
    const allow = document.querySelector('button[value=allow]')
    const pointerEvents = () => getComputedStyle(allow).pointerEvents
    allow.style.animation = 'none'
    const unguarded = pointerEvents()
    allow.style.animation = ''
    return [unguarded, pointerEvents()]
  })()`
  t.strictSame(await page.evaluate(atOpening), ['auto', 'none'])
  await page.getByRole('button', { name: 'Allow' }).click()
  await page.getByText('posted').waitFor()
  t.equal(posts, 1, 'a moment later it does')
})
