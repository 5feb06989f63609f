// Owns the proof that each view says its part in markup that a browser without scripts and a screen reader understand.

import { parse } from 'node-html-parser'
import t, { type Test } from 'tap'
import type { ViewData, ViewName } from '../../src/http/view-data.ts'
import {
  BROWSER,
  buildPages,
  CONSENT,
  ERROR,
  HOME,
  LOGIN,
  MESSAGE,
  SETUP,
  SIGNPOST,
} from '../support/pages.ts'

async function show<Name extends ViewName>(t: Test, name: Name, data: ViewData[Name]) {
  const app = await buildPages(t, (app, pages) => {
    app.get('/view', (_request, reply) => pages.render(reply, name, data))
  })
  const { body } = await app.inject({ url: '/view', headers: BROWSER })
  return { body, document: parse(body) }
}

const PAYLOADS = [
  '<script>alert(1)</script>',
  '"><img src=x onerror=alert(1)>',
  "' onmouseover='alert(1)",
  '<svg/onload=alert(1)>',
  '</title><script>alert(1)</script>',
  '<%= 6543 * 3 %>{{6543*3}}',
  'javascript:alert(1)',
  '&lt;b&gt;',
]

t.test('whatever a client or an upstream calls itself stays text', async (t) => {
  for (const payload of PAYLOADS) {
    const client = { name: payload, verifiedHost: null }
    const tools = [{ name: payload, title: payload, isNew: false }]
    const pages = [
      await show(t, 'login', { ...LOGIN, client, email: payload, problem: payload }),
      await show(t, 'consent', {
        ...CONSENT,
        client,
        redirect: { host: payload, kind: 'web' },
        server: { title: payload, resource: payload },
        groups: CONSENT.groups.map(({ choices }) => ({
          title: payload,
          choices: choices.map((choice) => ({ ...choice, tools })),
        })),
        account: { id: payload, email: payload },
      }),
      await show(t, 'error', { ...ERROR, message: payload, code: payload, requestId: payload }),
      await show(t, 'setup', {
        ...SETUP,
        email: payload,
        token: payload,
        problems: [{ field: 'email', message: payload }],
      }),
    ]
    for (const { body, document } of pages) {
      t.strictSame(
        document.querySelectorAll('script, img, svg[onload], [onmouseover], [onerror]'),
        [],
        payload,
      )
      t.notMatch(body, '19629', 'no template inside a value is run')
      t.match(document.querySelector('main')?.text, payload.slice(0, 12))
    }
  }
})

t.test('a page asks nobody else for anything and needs no script', async (t) => {
  const pages = [
    await show(t, 'login', LOGIN),
    await show(t, 'setup', SETUP),
    await show(t, 'consent', CONSENT),
    await show(t, 'home', HOME),
    await show(t, 'signpost', SIGNPOST),
    await show(t, 'error', ERROR),
    await show(t, 'message', MESSAGE),
    await show(t, 'proceed', { href: '/authorize/4Xh2' }),
  ]
  for (const { document } of pages) {
    t.strictSame(document.querySelectorAll('script, style, [style], iframe, img'), [])
    const loaded = document.querySelectorAll('link').map((link) => link.getAttribute('href') ?? '')
    for (const href of loaded) t.match(href, /^(\/assets\/|data:image\/svg)/)
    t.equal(document.querySelector('html')?.getAttribute('lang'), 'en')
    t.equal(document.querySelectorAll('h1').length, 1)
    t.equal(document.querySelectorAll('main').length, 1)
  }
})

t.test('the sign-in page can be filled in by a password manager and names who asks', async (t) => {
  const { document } = await show(t, 'login', LOGIN)
  const attribute = (selector: string, name: string) => document.querySelector(selector)?.getAttribute(name)
  t.equal(attribute('#email', 'autocomplete'), 'username')
  t.equal(attribute('#password', 'autocomplete'), 'current-password')
  t.equal(attribute('form', 'action'), '/login/4Xh2')
  t.match(document.querySelector('main')?.text, 'Claude Code')
  const alone = await show(t, 'login', { ...LOGIN, client: null })
  t.notMatch(alone.document.querySelector('main')?.text, 'to continue to')
})

t.test('a problem at sign-in is announced and tied to the field that has the focus', async (t) => {
  const { document } = await show(t, 'login', {
    ...LOGIN,
    email: 'ada@example.org',
    problem: 'These do not match.',
  })
  t.match(document.querySelector('[role="alert"]')?.text, 'These do not match.')
  const password = document.querySelector('#password')
  t.equal(password?.getAttribute('aria-describedby'), 'login-problem')
  t.equal(password?.hasAttribute('autofocus'), true)
  t.equal(document.querySelector('#email')?.getAttribute('value'), 'ada@example.org')
  t.match(document.querySelector('title')?.text, /^Problem: /)

  const throttled = await show(t, 'login', { ...LOGIN, retryAfterSeconds: 130 })
  t.match(throttled.document.querySelector('[role="alert"]')?.text, '3 minutes')
  const calm = await show(t, 'login', LOGIN)
  t.equal(calm.document.querySelector('[role="alert"]'), null)
})

t.test('each problem of the set-up form is listed first and repeated at its field', async (t) => {
  const problems = [{ field: 'password', message: 'The password is too short.' }]
  const { document } = await show(t, 'setup', { ...SETUP, problems })
  t.equal(document.querySelector('[role="alert"] a')?.getAttribute('href'), '#password')
  const field = document.querySelector('#password')
  t.equal(field?.getAttribute('aria-invalid'), 'true')
  t.equal(field?.getAttribute('aria-describedby'), 'password-hint password-problem')
  t.match(document.querySelector('#password-problem')?.text, 'The password is too short.')
  t.equal(document.querySelector('#email')?.hasAttribute('aria-invalid'), false)
  t.equal(document.querySelector('input[name="token"]')?.getAttribute('value'), 'one-time')
})

t.test('an error without a number or a code shows neither', async (t) => {
  const plain = await show(t, 'error', ERROR)
  t.equal(plain.document.querySelector('dl'), null)
  const numbered = await show(t, 'error', { ...ERROR, code: 'invalid_scope', requestId: 'req-7' })
  t.match(numbered.document.querySelector('dl')?.text, 'invalid_scope')
  t.match(numbered.document.querySelector('dl')?.text, 'req-7')
})
