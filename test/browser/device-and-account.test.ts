// Owns a person's way with a device and with the page about themselves, in a real browser: without scripts, accessible, in light and dark.

import type { Page } from 'playwright-core'
import t, { type Test } from 'tap'
import { violationsOf } from '../support/accessibility.ts'
import { launchChromium, openWindow, picture } from '../support/chromium.ts'
import { askForCode, poll, registerDevice } from '../support/device.ts'
import { build, createPerson, PASSWORD } from '../support/gatehouse.ts'
import { register } from '../support/oauth.ts'
import { connect } from '../support/sign-in.ts'

const ALICE = 'alice@example.com'
const LOOKS = [
  { name: 'desk-light', viewport: { width: 1280, height: 900 }, colorScheme: 'light' },
  { name: 'phone-dark', viewport: { width: 390, height: 844 }, colorScheme: 'dark' },
] as const

/** Accessible and fit for the width; a picture of it where pictures are kept. */
async function look(t: Test, page: Page, name: string): Promise<void> {
  await picture(page, name)
  t.strictSame(await violationsOf(page), [], name)
  t.equal(await page.evaluate('document.documentElement.scrollWidth - innerWidth'), 0, `${name} fits`)
}

t.test('a device is connected, seen on the account page, and disconnected there', async (t) => {
  const browser = await launchChromium(t)
  if (!browser) return
  const { origin, db, browser: quiet } = await build(t)
  await createPerson(db, ALICE, 'admin')
  const device = await registerDevice(origin, { client_name: 'Living room television' })
  await connect(origin, quiet(), ALICE, {
    client: await register(origin, { client_name: 'Notebook with a rather long name that wraps on a phone' }),
    parameters: { scope: 'demo' },
  })

  for (const { name, viewport, colorScheme } of LOOKS) {
    t.test(name, async (t) => {
      const window = await openWindow(t, browser, { viewport, colorScheme })
      const page = await window.newPage()
      const errors: string[] = []
      page.on('console', (message) => message.type() === 'error' && errors.push(message.text()))
      const asked = await askForCode(origin, device)

      await page.goto(`${origin}/device`)
      await look(t, page, `${name}-1-device`)
      await page.getByLabel('Code').fill('bbbb bbbb')
      await page.getByRole('button', { name: 'Continue' }).click()
      await page.getByRole('alert').waitFor()
      await look(t, page, `${name}-2-wrong-code`)
      await page.getByLabel('Code').fill(asked.userCode.toLowerCase())
      await page.getByRole('button', { name: 'Continue' }).click()
      await page.getByRole('heading', { name: 'Does your device show this code?' }).waitFor()
      await look(t, page, `${name}-3-confirm`)
      await page.getByRole('button', { name: 'Yes, continue' }).click()
      await page.getByLabel('Email').fill(ALICE)
      await page.getByLabel('Password').fill(PASSWORD)
      await page.getByRole('button', { name: 'Sign in' }).click()
      await page.waitForURL(/\/consent\//)
      await look(t, page, `${name}-4-consent`)
      await page.getByRole('button', { name: 'Allow' }).click()
      await page.getByRole('heading', { name: 'Your device is connected' }).waitFor()
      await look(t, page, `${name}-5-connected`)
      t.equal((await poll(origin, device, asked)).status, 200)

      await page.goto(`${origin}/account`)
      await look(t, page, `${name}-6-account`)
      const row = page.getByRole('listitem').filter({ hasText: 'Living room television' })
      await row.getByRole('button', { name: 'Disconnect' }).click()
      await page.getByText('The app is disconnected.').waitFor()
      t.equal(await row.count(), 0)

      await page.getByLabel('Password you have now').fill('wrong wrong wrong')
      await page.getByLabel('New password', { exact: true }).fill('the heron waits')
      await page.getByLabel('New password, once more').fill('the heron waits')
      await page.getByRole('button', { name: 'Change password' }).click()
      await page.locator('[role=alert]:focus').waitFor()
      await look(t, page, `${name}-7-account-problem`)

      await page.goto(`${origin}/`)
      await look(t, page, `${name}-8-home`)
      await page.goto(`${origin}/logout`)
      await look(t, page, `${name}-9-logout`)
      await page.getByRole('button', { name: 'Sign out' }).click()
      await page.getByRole('heading', { name: 'You are signed out' }).waitFor()
      await look(t, page, `${name}-10-signed-out`)
      t.same(
        errors.filter((error) => !/status of (422|429)/.test(error)),
        [],
        'no page ran into an error',
      )
    })
  }
})
