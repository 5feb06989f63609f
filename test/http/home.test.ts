// Owns the proof that the front page has what a person needs to connect a client.

import { parse } from 'node-html-parser'
import t, { type Test } from 'tap'
import { type HomeNeeds, home } from '../../src/http/home.ts'
import { BROWSER, buildPages, PUBLIC_URL } from '../support/pages.ts'

async function open(t: Test, needs: Partial<HomeNeeds> = {}) {
  const app = await buildPages(t, async (app, pages) => {
    await app.register(home, {
      pages,
      publicUrl: PUBLIC_URL,
      endpoints: () => [{ title: 'Notes', url: `${PUBLIC_URL}/mcp` }],
      signedInAs: async () => null,
      signOutAction: '/logout/confirm',
      signInHref: () => '/authorize?client_id=gatehouse&scope=openid',
      needsSetUp: async () => false,
      ...needs,
    })
  })
  const page = await app.inject({ url: '/', headers: BROWSER })
  t.equal(page.statusCode, 200)
  const document = parse(page.body, { blockTextElements: {} })
  return { document, text: document.querySelector('main')?.text ?? '' }
}

t.test('the address can be copied, alone and in a command line', async (t) => {
  const { document } = await open(t)
  const copies = document.querySelectorAll('code.copy').map((code) => code.text)
  t.ok(copies.includes(`${PUBLIC_URL}/mcp`))
  t.ok(copies.includes(`claude mcp add --transport http gatehouse ${PUBLIC_URL}/mcp`))
})

t.test('whoever is not signed in can sign in, whoever is sees as whom', async (t) => {
  const nobody = await open(t)
  const href = nobody.document.querySelector('a.button')?.getAttribute('href')
  t.equal(href, '/authorize?client_id=gatehouse&scope=openid')
  const somebody = await open(t, { signedInAs: async () => 'ada@example.org' })
  t.match(somebody.text, 'Signed in as ada@example.org')
  t.equal(somebody.document.querySelector('a.button')?.getAttribute('href'), '/account')
  t.equal(somebody.document.querySelector('form')?.getAttribute('action'), '/logout/confirm')
})

t.test('without an administrator the page says how to make one', async (t) => {
  t.match((await open(t, { needsSetUp: async () => true })).text, 'Open the set-up link')
  t.notMatch((await open(t)).text, 'set-up link')
})

t.test('on a local address hosted clients are told that they cannot reach it', async (t) => {
  t.match((await open(t)).text, 'needs a public address')
  t.notMatch((await open(t, { publicUrl: 'https://gate.example' })).text, 'needs a public address')
})

t.test('without upstreams there is no address to give', async (t) => {
  const { text } = await open(t, { endpoints: () => [] })
  t.match(text, 'No servers yet')
})
