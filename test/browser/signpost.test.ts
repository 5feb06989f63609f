// Owns what somebody sees who pastes an address for apps into a browser, and that clients see nothing of it.

import { AxeBuilder } from '@axe-core/playwright'
import t from 'tap'
import { startDemoUpstream } from '../../src/demo/server.ts'
import { launchChromium, openWindow, picture } from '../support/chromium.ts'
import { build } from '../support/gatehouse.ts'

t.test('the address of an app opens as a page that says what it is for', async (t) => {
  const browser = await launchChromium(t)
  if (!browser) return
  const demo = await startDemoUpstream()
  t.teardown(() => demo.close())
  const notes = { url: demo.url, title: 'Notes' }
  const { origin } = await build(t, {
    env: { UPSTREAMS: JSON.stringify({ notes, work: { url: demo.url } }) },
  })
  for (const [name, viewport] of [
    ['desk', { width: 1100, height: 800 }],
    ['phone', { width: 320, height: 640 }],
  ] as const) {
    const page = await (await openWindow(t, browser, { viewport })).newPage()
    const trouble: string[] = []
    page.on('console', (message) => trouble.push(message.text()))
    const answer = await page.goto(`${origin}/mcp/notes`)
    t.equal(answer?.status(), 401)
    await page.getByRole('heading', { name: 'This is an address for apps' }).waitFor()
    t.match(await page.locator('main').textContent(), /reaches Notes here/)
    t.equal(await page.locator('code.copy').first().textContent(), `${origin}/mcp/notes`)
    await picture(page, `signpost-${name}`)
    const { violations } = await new AxeBuilder({ page }).analyze()
    t.same(violations, [])
    t.equal(await page.evaluate('document.documentElement.scrollWidth - innerWidth'), 0, 'it fits')
    const inside = 'document.querySelector("main code.copy").getBoundingClientRect().right < innerWidth - 16'
    t.ok(await page.evaluate(inside), 'the address stays in its card')
    t.same(
      trouble.filter((line) => !line.includes('401')),
      [],
    )
    await page.getByRole('link', { name: 'front page' }).click()
    await page.getByRole('heading', { name: 'One door to your MCP servers' }).waitFor()
  }
})
