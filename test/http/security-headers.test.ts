// Owns the proof that every answer carries its security headers, and each page its own policy (CO-03, CO-08, CO-09).

import t from 'tap'
import { pagePolicy } from '../../src/http/page-policy.ts'
import { BROWSER, buildPages, CONSENT, LOGIN, MESSAGE } from '../support/pages.ts'

function directives(policy: unknown): Record<string, string> {
  return Object.fromEntries(
    String(policy)
      .split(/; ?/)
      .map((directive) => {
        const space = directive.indexOf(' ')
        return [directive.slice(0, space), directive.slice(space + 1)]
      }),
  )
}

t.test('a page is allowed our style sheet and nothing else', async (t) => {
  const app = await buildPages(t, (app, pages) => {
    app.get('/page', (_request, reply) => pages.render(reply, 'message', MESSAGE))
  })
  const { headers, body } = await app.inject({ url: '/page', headers: BROWSER })
  const nonce = /nonce="([^"]+)"/.exec(body)?.[1]
  t.match(nonce, /^[\w+/]{22}==$/)
  t.strictSame(directives(headers['content-security-policy']), {
    'default-src': "'none'",
    'style-src': `'nonce-${nonce}'`,
    'img-src': "'self' data:",
    'base-uri': "'none'",
    'frame-ancestors': "'none'",
    'form-action': "'self'",
  })
  t.match(headers, {
    'x-frame-options': 'DENY',
    'x-content-type-options': 'nosniff',
    'cross-origin-opener-policy': 'same-origin',
    'cache-control': 'no-store',
    'referrer-policy': 'same-origin',
  })
  const again = await app.inject({ url: '/page', headers: BROWSER })
  t.not(again.headers['content-security-policy'], headers['content-security-policy'], 'a nonce is used once')
})

t.test('a page of an interaction may also lead to the client, and only there', async (t) => {
  const app = await buildPages(t, (app, pages) => {
    app.get('/login', (_request, reply) => pages.render(reply, 'login', LOGIN))
    app.get('/consent', (_request, reply) =>
      pages.render(reply, 'consent', CONSENT, { formAction: 'http://localhost:3118' }),
    )
  })
  const formAction = async (url: string) =>
    directives((await app.inject({ url, headers: BROWSER })).headers['content-security-policy'])[
      'form-action'
    ]
  t.equal(await formAction('/login'), "'self'")
  t.equal(await formAction('/consent'), "'self' http://localhost:3118")
})

t.test('only one plain source enters the policy', (t) => {
  const formAction = (source: string) => directives(pagePolicy('n', source))['form-action']
  const plain = ['https://claude.ai', 'http://127.0.0.1:3118', 'http:', 'cursor:', 'com.example.app:']
  for (const source of plain) t.equal(formAction(source), `'self' ${source}`)
  const others = [
    '',
    '*',
    'https://*.evil.test',
    "'unsafe-inline'",
    'https://claude.ai; script-src *',
    'https://claude.ai https://evil.test',
    'https://claude.ai/path',
    'http://[::1]:3118',
    'https://claude.ai\r\nSet-Cookie: a=b',
  ]
  for (const source of others) t.equal(formAction(source), "'self'", JSON.stringify(source))
  t.end()
})

t.test('an answer that is no page is allowed nothing', async (t) => {
  const app = await buildPages(t, (app) => {
    app.get('/json', async () => ({ a: 1 }))
  })
  for (const url of ['/json', '/unknown']) {
    const { headers } = await app.inject({ url, headers: { host: BROWSER.host } })
    t.match(headers, { 'x-content-type-options': 'nosniff', 'referrer-policy': 'no-referrer' })
    t.strictSame(directives(headers['content-security-policy']), {
      'default-src': "'none'",
      'base-uri': "'none'",
      'form-action': "'none'",
      'frame-ancestors': "'none'",
    })
  }
})

t.test('browsers are told to stay on https only where everything is https', async (t) => {
  const secure = await buildPages(t, () => {}, { publicUrl: 'https://gate.example' })
  const overHttps = await secure.inject({ url: '/', headers: { host: 'gate.example' } })
  t.equal(overHttps.headers['strict-transport-security'], 'max-age=31536000')
  const plain = await buildPages(t)
  const overHttp = await plain.inject({ url: '/', headers: { host: BROWSER.host } })
  t.notHas(overHttp.headers, 'strict-transport-security')
})
