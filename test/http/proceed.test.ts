// Owns the proof that a posted form leads on: a browser by a page, everything else by a redirect.

import { parse } from 'node-html-parser'
import t from 'tap'
import { BROWSER, buildPages } from '../support/pages.ts'

t.test('a browser gets a page that leads on by itself, a program a redirect', async (t) => {
  const next = 'http://localhost:8080/authorize/4Xh2?a=1&b=2'
  const app = await buildPages(t, (app, pages) => {
    app.post('/form', (_request, reply) => pages.proceed(reply, next))
  })
  const navigation = { ...BROWSER, 'sec-fetch-mode': 'navigate' }
  const page = await app.inject({ method: 'POST', url: '/form', headers: navigation })
  t.equal(page.statusCode, 200)
  const document = parse(page.body)
  const refresh = document.querySelector('meta[http-equiv="refresh"]')?.getAttribute('content')
  t.equal(refresh, '0; url=http://localhost:8080/authorize/4Xh2?a=1&b=2')
  t.equal(document.querySelector('main a')?.text, 'continue here')

  const redirect = await app.inject({ method: 'POST', url: '/form', headers: BROWSER })
  t.equal(redirect.statusCode, 303)
  t.equal(redirect.headers.location, next)
})
