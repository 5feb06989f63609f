// Owns a real browser: finds a Chromium on this machine, or says how to get one.

import { existsSync, mkdirSync } from 'node:fs'
import { type Browser, type BrowserContext, chromium } from 'playwright-core'
import type { Test } from 'tap'

const USUAL_PLACES = [
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
  '/usr/bin/google-chrome-stable',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
  '/Applications/Chromium.app/Contents/MacOS/Chromium',
]

const HOW_TO_GET_ONE = 'no Chromium: install one (Debian: apt-get install chromium) or set CHROMIUM_PATH'

/** Nothing on this machine needs the network while a test runs. */
const ARGUMENTS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
]

function findChromium(): string | null {
  const given = process.env.CHROMIUM_PATH
  if (given) return given
  return USUAL_PLACES.find((path) => existsSync(path)) ?? null
}

/**
 * A browser for this test file, closed at its end. Null when there is none, after the test was reported as skipped; with
 * REQUIRE_BROWSER set, that is a failure instead.
 */
export async function launchChromium(t: Test): Promise<Browser | null> {
  const executablePath = findChromium()
  if (executablePath === null) {
    if (process.env.REQUIRE_BROWSER) t.fail(HOW_TO_GET_ONE)
    else t.pass(HOW_TO_GET_ONE, { skip: HOW_TO_GET_ONE })
    return null
  }
  const browser = await chromium.launch({ executablePath, args: ARGUMENTS })
  t.teardown(() => browser.close())
  return browser
}

/** A person's browser window: its own cookies, and a record of every request that left our origin and every script error. */
export async function openWindow(
  t: Test,
  browser: Browser,
  options: Parameters<Browser['newContext']>[0] = {},
): Promise<BrowserContext> {
  const context = await browser.newContext(options)
  t.teardown(() => context.close())
  return context
}

/** SCREENSHOTS names a directory to keep pictures of the pages in. */
export async function picture(
  page: { screenshot(options: { path: string; fullPage: boolean }): Promise<unknown> },
  name: string,
): Promise<void> {
  const directory = process.env.SCREENSHOTS
  if (!directory) return
  mkdirSync(directory, { recursive: true })
  await page.screenshot({ path: `${directory}/${name}.png`, fullPage: true })
}
