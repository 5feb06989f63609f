// Owns the proof, in a real browser, that a page about another sign-in says so, and that its app is connected all the same.

import { createServer } from 'node:http'
import type { BrowserContext, Page } from 'playwright-core'
import t, { type Test } from 'tap'
import { launchChromium, openWindow, picture } from '../support/chromium.ts'
import { build, PASSWORD } from '../support/gatehouse.ts'
import { serveLocally } from '../support/local-server.ts'
import { authorizationRequest, register } from '../support/oauth.ts'

const ALICE = 'alice@example.com'
const BOB = 'bob@example.com'
const CHANGED = 'This page is about another sign-in'

const browser = await launchChromium(t)

async function scene(t: Test) {
  const { origin, createPerson } = await build(t)
  for (const email of [ALICE, BOB]) await createPerson(email)
  const app = await serveLocally(
    t,
    createServer((_, res) => res.end('back in the app')),
  )
  const callback = `${app}/callback`
  return {
    origin,
    /** Two tabs of a new window, each with the sign-in page of another app. */
    async tabs(t: Test) {
      if (!browser) throw new Error('no browser')
      const window = await openWindow(t, browser)
      const one = await openTab(window, { origin, callback, name: 'One' })
      const two = await openTab(window, { origin, callback, name: 'Two' })
      return { window, one, two }
    },
  }
}

interface Tab {
  readonly page: Page
  readonly url: string
}

interface App {
  readonly origin: string
  readonly callback: string
  readonly name: string
}

async function openTab(window: BrowserContext, { origin, callback, name }: App): Promise<Tab> {
  const { client_id } = await register(origin, { client_name: name, redirect_uris: [callback] })
  const { url } = authorizationRequest(origin, client_id, { redirect_uri: callback })
  const page = await window.newPage()
  await page.goto(url)
  return { page, url }
}

async function signIn({ page }: Tab, email: string): Promise<void> {
  await page.getByLabel('Email address').fill(email)
  await page.getByLabel('Password', { exact: true }).fill(PASSWORD)
  await page.getByRole('button', { name: 'Sign in' }).click()
}

async function isAsked({ page }: Tab): Promise<void> {
  await page
    .getByRole('button', { name: 'Allow' })
    .waitFor()
    .catch(async (cause: unknown) => {
      throw new Error(`${page.url()} says: ${await page.locator('body').innerText()}`, { cause })
    })
}

async function allow(t: Test, tab: Tab, email: string): Promise<void> {
  await isAsked(tab)
  const { page } = tab
  t.match(await page.locator('main').innerText(), email, 'it says whose access it is')
  await press({ page })
  await page.waitForURL('**/callback?**')
  t.ok(new URL(page.url()).searchParams.has('code'), 'the app has its answer')
}

async function press({ page }: Pick<Tab, 'page'>): Promise<void> {
  await page.getByRole('button', { name: 'Allow' }).click()
}

/** The page says that the account is another one by now, and continues. */
async function goOn(t: Test, { page }: Tab, name: string): Promise<void> {
  await page.getByRole('heading', { name: CHANGED }).waitFor()
  await picture(page, name)
  t.match(await page.locator('main').innerText(), /Nothing was decided/)
  await page.getByRole('link', { name: 'Continue' }).click()
}

t.test('the second tab is finished, and the first signs in as somebody else', async (t) => {
  if (!browser) return
  const { tabs } = await scene(t)
  const { one, two } = await tabs(t)
  await signIn(two, BOB)
  await allow(t, two, BOB)
  await signIn(one, ALICE)
  await allow(t, one, ALICE)
})

t.test(
  'a page of somebody who is not signed in any more says so, and the app is still connected',
  async (t) => {
    if (!browser) return
    const { tabs } = await scene(t)
    const { one, two } = await tabs(t)
    await signIn(two, BOB)
    await isAsked(two)
    await signIn(one, ALICE)
    await isAsked(one)
    await press(two)
    await goOn(t, two, 'two-tabs-another-account')
    await allow(t, two, ALICE)
    await allow(t, one, ALICE)
  },
)

t.test(
  'after another account was chosen in one tab, the other one says so, and goes on as that one',
  async (t) => {
    if (!browser) return
    const { tabs } = await scene(t)
    const { one, two } = await tabs(t)
    await signIn(one, ALICE)
    await isAsked(one)
    await two.page.goto(two.url)
    await two.page.getByRole('link', { name: 'Use another account' }).click()
    await press(one)
    await goOn(t, one, 'two-tabs-signed-out')
    await signIn(one, BOB)
    await allow(t, one, BOB)
    await signIn(two, BOB)
    await allow(t, two, BOB)
  },
)
