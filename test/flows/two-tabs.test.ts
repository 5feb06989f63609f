// Owns the proof that two tabs of one browser connect apps at once, in any order and as anybody, and that nothing is lost but
// what somebody else has begun.

import t, { type Test } from 'tap'
import type { Page } from '../support/browser.ts'
import { build, PASSWORD } from '../support/gatehouse.ts'
import { authorizationRequest, register } from '../support/oauth.ts'
import { callbackOf } from '../support/sign-in.ts'

const ALICE = 'alice@example.com'
const BOB = 'bob@example.com'

type Tab = 'one' | 'two'
type Step = 'alice' | 'bob' | 'allow'

async function scene(t: Test) {
  const { origin, createPerson, browser } = await build(t)
  for (const email of [ALICE, BOB]) await createPerson(email)
  return async () => {
    const window = browser()
    const open = async () => {
      const { client_id } = await register(origin)
      return window.open(authorizationRequest(origin, client_id).url)
    }
    const pages: Record<Tab, Page> = { one: await open(), two: await open() }
    return {
      origin,
      window,
      pages,
      async step(tab: Tab, what: Step) {
        const email = what === 'bob' ? BOB : ALICE
        pages[tab] =
          what === 'allow'
            ? await window.submit(pages[tab], {}, 'allow')
            : await window.submit(pages[tab], { email, password: PASSWORD })
        return pages[tab]
      },
      async goOn(tab: Tab) {
        const href = pages[tab].document.querySelector('a.button')?.getAttribute('href') ?? ''
        pages[tab] = await window.open(new URL(href, origin).href)
        return pages[tab]
      },
    }
  }
}

const textOf = ({ document }: Page) => document.querySelector('main')?.text.replace(/\s+/g, ' ') ?? ''

/** Sign-ins and answers, by tab. */
const ORDERS: Readonly<Record<string, readonly (readonly [Tab, Step])[]>> = {
  'one after the other': [
    ['one', 'alice'],
    ['one', 'allow'],
    ['two', 'alice'],
    ['two', 'allow'],
  ],
  'the second before the first': [
    ['two', 'alice'],
    ['two', 'allow'],
    ['one', 'alice'],
    ['one', 'allow'],
  ],
  'both, and the last one first': [
    ['one', 'alice'],
    ['two', 'alice'],
    ['two', 'allow'],
    ['one', 'allow'],
  ],
  'the second as somebody else before the first': [
    ['two', 'bob'],
    ['two', 'allow'],
    ['one', 'alice'],
    ['one', 'allow'],
  ],
}

t.test('two tabs are finished in any order, each as who signed in there last', async (t) => {
  const open = await scene(t)
  for (const [order, steps] of Object.entries(ORDERS)) {
    const { step, pages } = await open()
    for (const [tab, what] of steps) {
      const page = await step(tab, what)
      if (what !== 'allow') t.match(textOf(page), what === 'bob' ? BOB : ALICE, order)
    }
    for (const page of Object.values(pages)) t.ok(callbackOf(page).has('code'), order)
  }
})

t.test('what somebody else began before says so, is not decided, and begins again', async (t) => {
  const { step, goOn, pages } = await (await scene(t))()
  await step('two', 'bob')
  t.match(textOf(await step('one', 'alice')), ALICE)
  const stale = await step('two', 'allow')
  t.equal(stale.status, 400)
  t.match(textOf(stale), /about another sign-in.*signed in with another account.*Nothing was decided/)
  t.match(textOf(await goOn('two')), ALICE, 'it is for whoever is signed in now')
  t.ok(callbackOf(await step('two', 'allow')).has('code'))
  t.ok(callbackOf(await step('one', 'allow')).has('code'))
  t.not(callbackOf(pages.one).get('state'), callbackOf(pages.two).get('state'), 'each app has its own answer')
})

t.test('a page that is left over after somebody signed out begins again with a sign-in', async (t) => {
  const { step, goOn, window, pages } = await (await scene(t))()
  const asked = await step('one', 'alice')
  await window.open(`${asked.url}/switch`)
  t.match(textOf(await step('one', 'allow')), /about another sign-in.*you signed out/)
  t.match(textOf(await goOn('one')), /Sign in to continue/)
  t.match(textOf(await step('one', 'bob')), BOB)
  t.ok(callbackOf(await step('one', 'allow')).has('code'))
  t.match(pages.two.url, '/login/')
})

t.test('each page of what is finished says that it is, and begins nothing', async (t) => {
  const { origin, window, step, pages } = await (await scene(t))()
  const uid = pages.one.url.split('/').at(-1)
  await step('one', 'alice')
  t.ok(callbackOf(await step('one', 'allow')).has('code'))
  for (const path of [`/login/${uid}`, `/consent/${uid}`, `/authorize/${uid}`]) {
    const page = await window.open(origin + path)
    t.equal(page.status, 400, path)
    t.match(textOf(page), /This sign-in has expired.*was finished already/, path)
    t.equal(page.document.querySelector('main a'), null, path)
  }
})
