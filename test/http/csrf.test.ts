// Owns the proof that a form is accepted from our own page in the same browser and from nowhere else (LG-05, CO-14).

import type { FastifyInstance } from 'fastify'
import { parse } from 'node-html-parser'
import t, { type Test } from 'tap'
import { BROWSER, buildPages, LOGIN, MESSAGE, PUBLIC_URL } from '../support/pages.ts'

const FORM = { ...BROWSER, 'content-type': 'application/x-www-form-urlencoded' }
const SAME_SITE = { origin: PUBLIC_URL, 'sec-fetch-site': 'same-origin' }

async function withForm(t: Test, publicUrl = PUBLIC_URL) {
  const posted: unknown[] = []
  const app = await buildPages(
    t,
    (app, pages) => {
      app.get('/form', (_request, reply) => pages.render(reply, 'login', LOGIN))
      app.get('/plain', (_request, reply) => pages.render(reply, 'message', MESSAGE))
      app.post('/form', { preHandler: pages.checkCsrf }, async ({ body }) => {
        posted.push(body)
        return 'posted'
      })
    },
    { publicUrl },
  )
  return { app, posted }
}

async function openForm(app: FastifyInstance) {
  const page = await app.inject({ url: '/form', headers: BROWSER })
  const token = parse(page.body).querySelector('input[name="_csrf"]')?.getAttribute('value') ?? ''
  const [cookie] = page.cookies
  return { token, cookie, cookies: { csrf: cookie?.value ?? '' } }
}

function post(app: FastifyInstance, headers: object, token: string, cookies: Record<string, string>) {
  const payload = new URLSearchParams({ _csrf: token, email: 'ada@example.org' }).toString()
  return app.inject({ method: 'POST', url: '/form', headers: { ...FORM, ...headers }, cookies, payload })
}

t.test('our own form is accepted', async (t) => {
  const { app, posted } = await withForm(t)
  const { token, cookies } = await openForm(app)
  const accepted = [
    ['a browser of today', SAME_SITE],
    ['a browser that sends no Sec-Fetch-Site', { origin: PUBLIC_URL }],
    ['a browser that says nothing at all', {}],
  ] as const
  for (const [who, headers] of accepted)
    t.equal((await post(app, headers, token, cookies)).statusCode, 200, who)
  t.equal(posted.length, accepted.length)
})

t.test('a form from another site is refused even with a valid token', async (t) => {
  const { app, posted } = await withForm(t)
  const { token, cookies } = await openForm(app)
  const foreign = [
    { origin: 'https://evil.test', 'sec-fetch-site': 'cross-site' },
    { origin: 'https://evil.test' },
    { origin: 'http://localhost:9999', 'sec-fetch-site': 'same-site' },
    { origin: 'null' },
    { origin: PUBLIC_URL, 'sec-fetch-site': 'cross-site' },
    { 'sec-fetch-site': 'none' },
  ]
  for (const headers of foreign) {
    t.equal((await post(app, headers, token, cookies)).statusCode, 403, JSON.stringify(headers))
  }
  t.equal(posted.length, 0)
})

t.test('a form without the token of this browser is refused', async (t) => {
  const { app, posted } = await withForm(t)
  const mine = await openForm(app)
  const anothers = await openForm(app)
  const refused = [
    ['no token', '', mine.cookies],
    ['no cookie', mine.token, {}],
    ['the token of another browser', anothers.token, mine.cookies],
    ['a token of nonsense', 'x'.repeat(2000), mine.cookies],
  ] as const
  for (const [what, token, cookies] of refused) {
    t.equal((await post(app, SAME_SITE, token, cookies)).statusCode, 403, what)
  }
  t.equal(posted.length, 0)
  t.equal((await post(app, SAME_SITE, mine.token, mine.cookies)).statusCode, 200)
})

t.test('a repeated token field is refused', async (t) => {
  const { app } = await withForm(t)
  const { token, cookies } = await openForm(app)
  const send = (payload: string) =>
    app.inject({ method: 'POST', url: '/form', headers: { ...FORM, ...SAME_SITE }, cookies, payload })
  t.equal((await send(`_csrf=${token}`)).statusCode, 200)
  t.equal((await send(`_csrf=${token}&_csrf=${token}`)).statusCode, 403)
})

t.test('whoever is refused learns what to do', async (t) => {
  const { app } = await withForm(t)
  const page = await post(app, SAME_SITE, '', {})
  t.match(page.body, 'Open the page again')
  t.match(page.body, 'Nothing was changed and nothing is lost')
  const link = parse(page.body).querySelector('main a')
  t.equal(link?.getAttribute('href'), '/form')
})

t.test('the cookie is as closed as the origin allows, and only pages with a form set it', async (t) => {
  const plain = await withForm(t)
  t.match((await openForm(plain.app)).cookie, { name: 'csrf', path: '/', httpOnly: true, sameSite: 'Lax' })
  t.strictSame((await plain.app.inject({ url: '/plain', headers: BROWSER })).cookies, [])

  const { app } = await withForm(t, 'https://gate.example')
  const page = await app.inject({ url: '/form', headers: { ...BROWSER, host: 'gate.example' } })
  const [cookie] = page.cookies
  t.match(cookie, { name: '__Host-csrf', path: '/', httpOnly: true, secure: true, sameSite: 'Lax' })
  t.notHas(cookie, 'domain')
})

t.test('two tabs of one browser both work', async (t) => {
  const { app } = await withForm(t)
  const first = await openForm(app)
  const again = await app.inject({ url: '/form', headers: BROWSER, cookies: first.cookies })
  t.strictSame(again.cookies, [], 'the secret stays')
  const token = parse(again.body).querySelector('input[name="_csrf"]')?.getAttribute('value') ?? ''
  t.equal((await post(app, SAME_SITE, first.token, first.cookies)).statusCode, 200)
  t.equal((await post(app, SAME_SITE, token, first.cookies)).statusCode, 200)
})
