// Owns how logins at upstreams look in a real browser, in each state that they can be in.

import { setTimeout as sleep } from 'node:timers/promises'
import { AxeBuilder } from '@axe-core/playwright'
import type { Page } from 'playwright-core'
import t, { type Test } from 'tap'
import { callMe } from '../support/calling-upstream.ts'
import { launchChromium, openWindow, picture } from '../support/chromium.ts'
import { build, PASSWORD } from '../support/gatehouse.ts'
import { startGuardedUpstream } from '../support/guarded-upstream.ts'
import { connect } from '../support/sign-in.ts'
import { asNotion, logIn, open } from '../support/upstream-login.ts'

const ALICE = 'alice@example.com'

/** Accessible and fit for the width; a picture of it where pictures are kept. */
async function look(t: Test, page: Page, name: string): Promise<void> {
  await picture(page, name)
  const { violations } = await new AxeBuilder({ page }).analyze()
  t.same(
    violations.map(({ id }) => id),
    [],
    name,
  )
  t.equal(await page.evaluate('document.documentElement.scrollWidth - innerWidth'), 0, `${name} fits`)
}

t.test('an outage, an end and a change of the configuration are told apart on the pages', async (t) => {
  const browser = await launchChromium(t)
  if (!browser) return
  const upstream = await startGuardedUpstream(t, 'open')
  const env = { UPSTREAMS: asNotion(upstream.url, { type: 'oauth2' }) }
  const running = await build(t, { env })
  const { origin, browser: quiet, createPerson, reload } = running
  await createPerson(ALICE)
  const desk = quiet()
  const { accessToken } = await connect(origin, desk, ALICE, { parameters: { scope: 'notion' } })
  await upstream.control({ access: '1' })
  await open(origin, desk, '/account')
  await logIn(running, desk)
  const page = await (await openWindow(t, browser, { viewport: { width: 320, height: 640 } })).newPage()
  await page.goto(`${origin}/account`)
  await page.getByLabel('Email').fill(ALICE)
  await page.getByLabel('Password').fill(PASSWORD)
  await page.getByRole('button', { name: 'Sign in' }).click()
  const logins = page.getByRole('region', { name: 'Servers that want a login' })
  const row = logins.getByRole('listitem')
  await row.waitFor()
  const shown = async (name: string, text: RegExp) => {
    await page.goto(`${origin}/account`)
    t.match(await row.textContent(), text)
    await look(t, page, `account-${name}`)
  }

  await upstream.control({ fail: '503' })
  await sleep(1200)
  t.equal((await callMe(origin, origin, accessToken)).status, 503)
  await shown('login-error', /error\s+127\.0\.0\.1:\d+ does not renew the login at the moment/)
  await row.getByRole('link', { name: 'Details Notion' }).click()
  await page.getByText('It is tried again with the next call').waitFor()
  await look(t, page, 'connect-error')

  await upstream.control({ fail: '0', end: 'grants' })
  await sleep(2200)
  await callMe(origin, origin, accessToken)
  await shown('login-expired', /expired\s+127\.0\.0\.1:\d+ ended the login/)
  await row.getByRole('link', { name: 'Connect again Notion' }).click()
  await page.getByText('Logging in again helps').waitFor()
  await look(t, page, 'connect-expired')

  env.UPSTREAMS = asNotion(upstream.url, { type: 'oauth2', shared: true })
  reload()
  await page.goto(`${origin}/account`)
  await page.getByText('not used any more').waitFor()
  await look(t, page, 'account-left-over')
  await page.getByRole('button', { name: 'Log out there notion' }).click()
  await page.getByText('Your account').first().waitFor()
  t.equal(await page.getByText('not used any more').count(), 0)
})
