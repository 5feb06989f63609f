// Owns the proof that the style sheet is ours, cached for good, and small on the way.

import { gunzipSync } from 'node:zlib'
import { parse } from 'node-html-parser'
import t from 'tap'
import { BROWSER, buildPages, MESSAGE } from '../support/pages.ts'

t.test('the style sheet that a page names is there', async (t) => {
  const app = await buildPages(t, (app, pages) => {
    app.get('/page', (_request, reply) => pages.render(reply, 'message', MESSAGE))
  })
  const page = parse((await app.inject({ url: '/page', headers: BROWSER })).body)
  const href = page.querySelector('link[rel="stylesheet"]')?.getAttribute('href') ?? ''

  const plain = await app.inject({ url: href, headers: BROWSER })
  t.equal(plain.statusCode, 200)
  t.match(plain.headers, {
    'content-type': 'text/css; charset=utf-8',
    'cache-control': 'public, max-age=31536000, immutable',
    vary: 'Accept-Encoding',
  })
  const zipped = await app.inject({ url: href, headers: { ...BROWSER, 'accept-encoding': 'br, gzip' } })
  t.equal(zipped.headers['content-encoding'], 'gzip')
  t.equal(gunzipSync(zipped.rawPayload).toString(), plain.body)
  t.ok(zipped.rawPayload.length < 20_000)
  t.notMatch(plain.body, /@import|url\(\s*["']?(https?:)?\/\//, 'it loads nothing else')
})
