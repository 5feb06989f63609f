// Owns the way from a call to its result, when the upstream wants a login first: as its person lives it, in a real browser.

import { McpServer } from '@modelcontextprotocol/server'
import type { BrowserContext, Locator, Page } from 'playwright-core'
import t, { type Test } from 'tap'
import { serveMcp } from '../gateway/mcp-upstream.ts'
import { violationsOf } from '../support/accessibility.ts'
import { SDK_CLIENTS } from '../support/calling-clients.ts'
import { launchChromium, openWindow, picture } from '../support/chromium.ts'
import { build, PASSWORD } from '../support/gatehouse.ts'
import { startGuardedUpstream } from '../support/guarded-upstream.ts'
import { connect } from '../support/sign-in.ts'
import { startBefore } from '../support/upstream-login.ts'

const ALICE = 'alice@example.com'
const BOB = 'bob@example.com'
const PHONE = { viewport: { width: 320, height: 640 }, colorScheme: 'dark' } as const
/** More than any of the pages has places to stop at. */
const MOST_STOPS = 30

/** Accessible and fit for the width; a picture of it where pictures are kept. */
async function look(t: Test, page: Page, name: string): Promise<void> {
  await picture(page, name)
  t.strictSame(await violationsOf(page), [], name)
  t.equal(await page.evaluate('document.documentElement.scrollWidth - innerWidth'), 0, `${name} fits`)
}

/** With the keyboard alone. */
async function goTo(page: Page, target: Locator): Promise<void> {
  await target.waitFor()
  for (let stops = 0; stops < MOST_STOPS; stops++) {
    if ((await target.and(page.locator(':focus')).count()) === 1) return
    await page.keyboard.press('Tab')
  }
  throw new Error(`the keyboard does not reach ${target}`)
}

async function press(page: Page, name: RegExp): Promise<void> {
  await goTo(page, page.getByRole('button', { name }))
  await page.keyboard.press('Enter')
}

function buildNotes(): McpServer {
  const server = new McpServer({ name: 'notes', version: '1' })
  const note = { annotations: { readOnlyHint: true } }
  server.registerTool('note', note, () => ({ content: [{ type: 'text', text: 'a note' }] }))
  return server
}

async function signIn(page: Page, email: string): Promise<void> {
  await goTo(page, page.getByLabel('Email'))
  await page.keyboard.type(email)
  await goTo(page, page.getByLabel('Password'))
  await page.keyboard.type(PASSWORD)
  await page.keyboard.press('Enter')
}

/** Errors that pages ran into; a violated Content-Security-Policy is one. */
function watch(window: BrowserContext): string[] {
  const trouble: string[] = []
  window.on('console', (message) => {
    const said = message.text()
    // The page for somebody else's link is a 403, and the upstream's pages have no icon.
    if (message.type() === 'error' && !/status of (403|404)/.test(said)) trouble.push(said)
  })
  return trouble
}

for (const [who, start] of SDK_CLIENTS) {
  t.test(`a call leads to the login and goes on after it, by keyboard alone, for ${who}`, async (t) => {
    const browser = await launchChromium(t)
    if (!browser) return
    const upstream = await startGuardedUpstream(t, 'open')
    const { origin, browser: quiet, createPerson } = await startBefore(t, upstream, { type: 'oauth2' })
    await createPerson(BOB)
    const { accessToken } = await connect(origin, quiet(), ALICE, { parameters: { scope: 'notion' } })
    const [hers, his] = [await openWindow(t, browser, PHONE), await openWindow(t, browser)]
    const trouble = [watch(hers), watch(his)]
    const name = who.replace(/\W+/g, '-')
    let links = 0
    const client = await start(`${origin}/mcp`, accessToken, async ({ url }) => {
      links++
      const foreign = await his.newPage()
      await foreign.goto(url ?? '')
      await signIn(foreign, BOB)
      await foreign.getByRole('heading', { name: 'This link is for another account' }).waitFor()
      t.equal(await foreign.getByRole('button', { name: /^Log in at/ }).count(), 0, 'he can begin nothing')
      await look(t, foreign, `${name}-login-of-another`)

      const page = await hers.newPage()
      await page.goto(url ?? '')
      await signIn(page, ALICE)
      await page.getByRole('heading', { name: 'Connect Notion' }).waitFor()
      await look(t, page, `${name}-connect`)
      await press(page, /^Log in at 127\.0\.0\.1/)
      await page.waitForURL(`${upstream.origin}/interaction/*`)
      await press(page, /^Log in$/)
      await page.getByRole('heading', { name: 'Notion is connected' }).waitFor()
      t.equal(page.url(), `${origin}/connect/-/done/notion`, 'no code is left in the address')
      await look(t, page, `${name}-connected`)
      return {}
    })
    t.teardown(() => client.close())

    const result = await client.call('me')

    t.match(result, { text: 'you are carol', isError: false })
    t.match(await client.call('me'), { text: 'you are carol' })
    t.equal(links, 1, 'one login was enough')
    t.same(trouble.flat(), [], 'no page ran into an error')
  })
}

t.test('a call to a server that takes a key leads to where it is pasted, and goes on after it', async (t) => {
  const browser = await launchChromium(t)
  if (!browser) return
  const upstream = await serveMcp(t, buildNotes, 'modern', { 'x-api-key': 'planted-key' })
  const auth = { type: 'api-key', header: 'X-Api-Key', hint: 'Settings, Developers, New token.' }
  const UPSTREAMS = JSON.stringify({ notion: { url: upstream.url, title: 'Notion', auth } })
  const { origin, browser: quiet, createPerson, log } = await build(t, { env: { UPSTREAMS } })
  await createPerson(ALICE)
  const { accessToken } = await connect(origin, quiet(), ALICE, { parameters: { scope: 'notion' } })
  const window = await openWindow(t, browser, PHONE)
  const trouble = watch(window)
  for (const [who, start] of SDK_CLIENTS) {
    const client = await start(`${origin}/mcp`, accessToken, async ({ url }) => {
      const page = await window.newPage()
      await page.goto(url ?? '')
      if (page.url().includes('/login/')) await signIn(page, ALICE)
      // Signing in ends with a form; what it leads to is another page.
      await page.getByLabel('Key').waitFor()
      await look(t, page, 'connect-by-key')
      await goTo(page, page.getByLabel('Key'))
      await page.keyboard.type('planted-key')
      await press(page, /^Keep the key/)
      await page.getByRole('heading', { name: 'Notion is connected' }).waitFor()
      return {}
    })
    t.teardown(() => client.close())
    t.match(await client.call('note'), { text: 'a note', isError: false }, who)
    const page = await window.newPage()
    await page.goto(`${origin}/connect/notion`)
    await press(page, /^Log out there/)
    await page.getByRole('button', { name: /^Keep the key/ }).waitFor()
  }
  t.notMatch(log(), 'planted-key')
  t.same(trouble, [])
})

t.test('the account page shows the login, and a refusal over there is said here', async (t) => {
  const browser = await launchChromium(t)
  if (!browser) return
  const upstream = await startGuardedUpstream(t, 'open')
  const { origin } = await startBefore(t, upstream, { type: 'oauth2' })
  const window = await openWindow(t, browser, PHONE)
  const trouble = watch(window)
  const page = await window.newPage()
  await page.goto(`${origin}/connect/notion`)
  await signIn(page, ALICE)
  await press(page, /^Log in at/)
  await page.waitForURL(`${upstream.origin}/interaction/*`)
  await press(page, /^Refuse$/)
  await page.getByRole('alert').waitFor()
  await look(t, page, 'upstream-login-refused')

  await page.goto(`${origin}/account`)
  await look(t, page, 'account-needs-login')
  const row = page.getByRole('listitem').filter({ hasText: 'Notion' })
  t.match(await row.textContent(), 'needs login')
  await row.getByRole('link', { name: 'Connect Notion' }).click()
  await press(page, /^Log in at/)
  await page.waitForURL(`${upstream.origin}/interaction/*`)
  await press(page, /^Log in$/)
  await page.getByRole('link', { name: 'Your account' }).click()
  await look(t, page, 'account-connected')
  t.match(await row.textContent(), /connected/)
  await row.getByRole('link', { name: 'Change Notion' }).click()
  await look(t, page, 'connect-again')
  await press(page, /^Log out there/)
  await page.getByRole('button', { name: /^Log in at/ }).waitFor()
  t.same(
    trouble.filter((said) => !/status of 422/.test(said)),
    [],
  )
})
