// Owns the main job as a person and a client live it: from the URL of /mcp, through a real browser, to a tool's result.

import type { BrowserContext } from 'playwright-core'
import t from 'tap'
import { startDemoUpstream } from '../../src/demo/server.ts'
import { launchChromium, openWindow, picture } from '../support/chromium.ts'
import { startEverythingServer } from '../support/everything-server.ts'
import { build, PASSWORD } from '../support/gatehouse.ts'
import { CLIENTS, connectClient, type SendPerson } from '../support/mcp-clients.ts'

const ALICE = 'alice@example.com'
const browser = await launchChromium(t)

t.test('from the URL alone to a tool result', async (t) => {
  if (!browser) return
  const { origin, createPerson } = await build(t)
  await createPerson(ALICE)

  for (const [kind, start] of CLIENTS) {
    t.test(kind, async (t) => {
      const window = await openWindow(t, browser)
      const trouble = watch(window, origin)
      const client = await connectClient(t, start, `${origin}/mcp`, personIn(window, kind))

      t.ok((await client.tools()).includes('hello'))
      t.match(await client.call('hello', { name: 'Ada' }), 'Ada')
      t.equal(client.scope(), 'demo:read', 'it asked for no more than it needed')

      let progress = 0
      await client.call('countdown', { from: 3, interval_ms: 200 }, { onprogress: () => void progress++ })
      t.ok(progress > 0, 'progress of a slow tool arrives')
      t.equal(client.journeys(), 1, 'one visit to the browser was enough')
      t.same(trouble, [], 'no page asked anything of another site or ran into an error')
    })
  }
})

t.test('a change needs more than reading', async (t) => {
  if (!browser) return
  const { origin, createPerson } = await build(t)
  await createPerson(ALICE)
  const note = { text: 'water the plants' }

  for (const [kind, start] of CLIENTS) {
    t.test(`${kind}: the call sends the person to allow it`, async (t) => {
      const window = await openWindow(t, browser)
      const client = await connectClient(t, start, `${origin}/mcp`, personIn(window, `${kind}-step-up`))

      t.match(await client.call('add_note', note), /note/i)
      t.equal(client.journeys(), 2)
      t.match(client.scope(), /(^| )demo( |$)/)
    })
  }
})

t.test(
  'a group of tools that the person left out is asked for when it is needed, and nothing else',
  async (t) => {
    if (!browser) return
    const scopes = { notes: { title: 'Write notes', tools: ['add_note'] } }
    const demo = await startDemoUpstream()
    t.teardown(() => demo.close())
    const UPSTREAMS = JSON.stringify({ demo: { url: demo.url, title: 'Demo', scopes } })
    const { origin, createPerson } = await build(t, { env: { UPSTREAMS } })
    await createPerson(ALICE)

    for (const [kind, start] of CLIENTS) {
      t.test(kind, async (t) => {
        const window = await openWindow(t, browser)
        const alice = personIn(window, `${kind}-groups`)
        const choosy = personIn(window, `${kind}-groups`, { uncheck: ['Write notes'] })
        let visits = 0
        const client = await connectClient(t, start, `${origin}/mcp`, async (url) => {
          if (++visits > 1) return alice(url)
          url.searchParams.set('scope', 'demo:read demo:notes')
          return choosy(url)
        })

        t.match(await client.call('hello', { name: 'Ada' }), 'Ada')
        t.equal(client.scope(), 'demo:read', 'the token says what was agreed to')
        t.match(await client.call('add_note', { text: 'water the plants' }), /note/i)
        t.equal(client.journeys(), 2)
        t.notMatch(client.scope(), /(^| )demo( |$)/, 'the step-up added what was asked for')
        t.match(client.scope(), 'demo:notes')
      })
    }
  },
)

t.test(
  'several servers at one address: each is allowed for itself, and asked for when it is needed',
  async (t) => {
    if (!browser) return
    const demo = await startDemoUpstream()
    t.teardown(() => demo.close())
    const old = await startEverythingServer({ eras: new Set(['legacy']) })
    t.teardown(() => old.close())
    const UPSTREAMS = JSON.stringify({
      home: { url: demo.url, title: 'Home' },
      work: { url: old.url, title: 'Work' },
    })
    const { origin, createPerson } = await build(t, { env: { UPSTREAMS } })
    await createPerson(ALICE)

    for (const [kind, start] of CLIENTS) {
      t.test(kind, async (t) => {
        const window = await openWindow(t, browser)
        const alice = personIn(window, `${kind}-several`)
        const choosy = personIn(window, `${kind}-several`, { group: 'Home', uncheck: ['Everything'] })
        let visits = 0
        const client = await connectClient(t, start, `${origin}/mcp`, async (url) => {
          if (++visits > 1) return alice(url)
          url.searchParams.set('scope', 'home work')
          return choosy(url)
        })

        const tools = await client.tools()
        for (const name of ['whoami', 'home_add_note', 'work_test_simple_text'])
          t.ok(tools.includes(name), name)
        t.match(await client.call('home_hello', { name: 'Ada' }), 'Ada')
        t.match(await client.call('work_test_simple_text'), 'simple text')
        t.match(client.scope(), /(^| )home:read( |$)/)
        t.notMatch(client.scope(), /(^| )home( |$)/, 'the token says what was left out')
        t.match(await client.call('home_add_note', { text: 'water the plants' }), /note/i)
        t.equal(client.journeys(), 2)
        t.match(client.scope(), /(^| )home( |$)/)
        t.match(client.scope(), /(^| )work( |$)/, 'and nothing of the other server was lost')
        t.match(await client.call('work_test_simple_text'), 'simple text')
        t.equal(client.journeys(), 2)
      })
    }
  },
)

interface Choices {
  /** What the labels are looked for in: a server's part of the page. */
  readonly group?: string
  /** Labels of what is not to be allowed. */
  readonly uncheck?: readonly string[]
}

/** Alice at this window: signs in where she has to, and agrees. */
function personIn(window: BrowserContext, kind: string, { group, uncheck = [] }: Choices = {}): SendPerson {
  let visits = 0
  return async (url) => {
    const name = `${kind.replace(/\W+/g, '-')}-${++visits}`
    const page = await window.newPage()
    await page.goto(url.href)
    if (page.url().includes('/login/')) {
      await picture(page, `${name}-login`)
      await page.getByLabel('Email').fill(ALICE)
      await page.getByLabel('Password').fill(PASSWORD)
      await page.getByRole('button', { name: /sign in/i }).click()
    }
    await page.waitForURL(/\/consent\/|\/callback/)
    if (page.url().includes('/consent/')) {
      await picture(page, `${name}-consent`)
      const part = group === undefined ? page : page.getByRole('group', { name: group })
      for (const label of uncheck) await part.getByLabel(label).uncheck()
      await page.getByRole('button', { name: /allow/i }).click()
    }
    await page.waitForURL(/\/callback/)
    await page.close()
  }
}

/** Requests that left for other sites, and errors of pages (a violated Content-Security-Policy is one). */
function watch(window: BrowserContext, origin: string): string[] {
  const trouble: string[] = []
  window.on('request', (request) => {
    const url = request.url()
    if (
      !url.startsWith(`${origin}/`) &&
      !url.includes('/callback') &&
      !url.startsWith('data:') &&
      !url.includes('/favicon')
    )
      trouble.push(url)
  })
  window.on('console', (message) => {
    if (message.type() === 'error' && !message.location().url.includes('favicon'))
      trouble.push(message.text())
  })
  return trouble
}
