// Owns the proof that the consent page shows who asks for what, and hands back exactly what the person said.

import { type HTMLElement, parse } from 'node-html-parser'
import t, { type Test } from 'tap'
import type { Interactions, PendingInteraction } from '../../src/authorization-server/interactions.ts'
import { consent } from '../../src/consent/plugin.ts'
import { BROWSER, buildPages, PUBLIC_URL } from '../support/pages.ts'

const PENDING: PendingInteraction = {
  uid: '4Xh2',
  prompt: 'consent',
  accountId: 'usr_1',
  loginHint: null,
  client: {
    id: 'https://claude.ai/client.json',
    name: 'Claude Code',
    uri: null,
    redirectHost: 'localhost',
    redirectIsLoopback: true,
    redirectSource: 'http://localhost:3118',
    idHost: 'claude.ai',
  },
  requested: {
    resource: `${PUBLIC_URL}/mcp/notes`,
    title: 'Notes',
    upstreams: [{ name: 'notes', title: 'Notes', toolScopes: [] }],
    agreedAt: null,
    scopes: new Set(['notes:read']),
  },
  identity: [],
  device: null,
}

const PEOPLE: Readonly<Record<string, string>> = { usr_1: 'ada@example.org', usr_2: 'bob@example.org' }

type Field = [name: string, value: string]

function fieldOf(input: HTMLElement): Field {
  return [input.getAttribute('name') ?? '', input.getAttribute('value') ?? '']
}

/** The consent page over an interaction that the test can change, and what it answered. */
async function consentApp(t: Test, pending: PendingInteraction | null = PENDING) {
  const current = { pending }
  const answers: unknown[] = []
  const interactions: Pick<Interactions, 'find' | 'beginsAgainAt' | 'allow' | 'deny'> = {
    find: async () => current.pending,
    beginsAgainAt: async () => null,
    allow: async (_request, _reply, scopes) => {
      answers.push([...scopes])
      return `${PUBLIC_URL}/authorize/4Xh2`
    },
    deny: async () => {
      answers.push('denied')
      return `${PUBLIC_URL}/authorize/4Xh2`
    },
  }
  const app = await buildPages(t, async (app, pages) => {
    const emailOf = async (accountId: string) => PEOPLE[accountId] ?? null
    await app.register(consent, {
      interactions,
      pages,
      emailOf,
      switchAccount: async () => '/authorize?again',
    })
  })
  const open = async () => {
    const page = await app.inject({ url: '/consent/4Xh2', headers: BROWSER })
    return { page, document: parse(page.body) }
  }
  const answer = async (fields: readonly (readonly [string, string])[], headers: object = {}) => {
    const { page, document } = await open()
    const hidden = document.querySelectorAll('input[type="hidden"]')
    const kept = hidden.map(fieldOf)
    return () =>
      app.inject({
        method: 'POST',
        url: '/consent/4Xh2',
        headers: { ...BROWSER, 'content-type': 'application/x-www-form-urlencoded', ...headers },
        cookies: Object.fromEntries(page.cookies.map(({ name, value }) => [name, value])),
        payload: new URLSearchParams([
          ...kept,
          ...fields.map(([name, value]): Field => [name, value]),
        ]).toString(),
      })
  }
  return { app, answers, current, open, answer }
}

t.test('the page says who asks, for what, as whom, and where the answer goes', async (t) => {
  const { open } = await consentApp(t)
  const { page, document } = await open()
  t.equal(page.statusCode, 200)
  t.match(page.headers['content-security-policy'], "form-action 'self' http://localhost:3118")
  const text = document.querySelector('main')?.text.replace(/\s+/g, ' ') ?? ''
  const said = [
    'Allow Claude Code to use Notes?',
    'published by claude.ai',
    'localhost',
    `${PUBLIC_URL}/mcp/notes`,
    'ada@example.org',
  ]
  for (const words of said) t.match(text, words)
  t.match(text, /Any program on this computer/, 'a warning, because the redirect is local')
  t.equal(document.querySelector('input[value="notes:read"]')?.hasAttribute('checked'), true)
  t.equal(document.querySelector('input[value="notes"]')?.hasAttribute('checked'), false)
  t.strictSame(document.querySelectorAll('[autofocus]'), [])
})

t.test('a client that nobody vouches for is marked, and a site of its own needs no warning', async (t) => {
  const client = PENDING.client && {
    ...PENDING.client,
    idHost: null,
    redirectHost: 'cl\u0430ude.ai',
    redirectIsLoopback: false,
    redirectSource: 'https://xn--clude-5ve.ai',
  }
  const { open } = await consentApp(t, { ...PENDING, client })
  const text = (await open()).document.querySelector('main')?.text ?? ''
  t.match(text, 'unverified name')
  t.match(text, 'xn--clude-5ve.ai')
  t.notMatch(text, 'cl\u0430ude')
  t.notMatch(text, 'Any program on this computer')
})

t.test('what the person ticked is allowed', async (t) => {
  const { answer, answers } = await consentApp(t)
  const allow = await answer([
    ['decision', 'allow'],
    ['scope', 'notes:read'],
    ['scope', 'notes'],
  ])
  const answered = await allow()
  t.equal(answered.statusCode, 303)
  t.equal(answered.headers.location, `${PUBLIC_URL}/authorize/4Xh2`)
  t.strictSame(answers, [['notes:read', 'notes']])
})

t.test('a scope that the upstream does not offer is not allowed', async (t) => {
  const { answer, answers } = await consentApp(t)
  await (
    await answer([
      ['decision', 'allow'],
      ['scope', 'notes:read'],
      ['scope', 'issues'],
    ])
  )()
  t.strictSame(answers, [['notes:read']])
})

t.test('deny, and allowing nothing, both mean no', async (t) => {
  const { answer, answers } = await consentApp(t)
  const denied = await (
    await answer([
      ['decision', 'deny'],
      ['scope', 'notes'],
    ])
  )()
  t.equal(denied.statusCode, 303)
  await (await answer([['decision', 'allow']]))()
  t.strictSame(answers, ['denied', 'denied'])
})

t.test('an answer for one account is not taken for another', async (t) => {
  const { answer, answers, current } = await consentApp(t)
  const allow = await answer([
    ['decision', 'allow'],
    ['scope', 'notes'],
  ])
  current.pending = { ...PENDING, accountId: 'usr_2' }
  const shownAgain = await allow()
  t.equal(shownAgain.statusCode, 200)
  t.match(shownAgain.body, 'bob@example.org')
  t.match(shownAgain.body, 'You signed in with another account in the meantime')
  t.strictSame(answers, [])

  current.pending = PENDING
  t.equal((await allow()).statusCode, 303)
})

t.test('a form that another site posts is refused', async (t) => {
  const { answer, answers } = await consentApp(t)
  const fields = [
    ['decision', 'allow'],
    ['scope', 'notes'],
  ] as const
  const foreign = { origin: 'https://evil.test', 'sec-fetch-site': 'cross-site' }
  t.equal((await (await answer(fields, foreign))()).statusCode, 403)
  t.strictSame(answers, [])
  t.equal(
    (await (await answer(fields, { origin: PUBLIC_URL, 'sec-fetch-site': 'same-origin' }))()).statusCode,
    303,
  )
})

t.test('an interaction that is gone says so and what to do', async (t) => {
  const { app, open, answer, current } = await consentApp(t)
  const allow = await answer([
    ['decision', 'allow'],
    ['scope', 'notes'],
  ])
  current.pending = null
  for (const page of [
    (await open()).page,
    await allow(),
    await app.inject({ url: '/consent/4Xh2/switch', headers: BROWSER }),
  ]) {
    t.equal(page.statusCode, 400)
    t.match(page.body, 'This sign-in has expired')
  }
})

t.test('an account that is gone is asked nothing', async (t) => {
  const { open } = await consentApp(t, { ...PENDING, accountId: 'usr_gone' })
  t.equal((await open()).page.statusCode, 400)
})

t.test('whoever has to sign in first is sent there', async (t) => {
  const { open } = await consentApp(t, { ...PENDING, prompt: 'login' })
  const { page } = await open()
  t.equal(page.statusCode, 303)
  t.equal(page.headers.location, '/login/4Xh2')
})

t.test('another account can be chosen', async (t) => {
  const { app, open } = await consentApp(t)
  const href = (await open()).document.querySelector('a[href$="/switch"]')?.getAttribute('href') ?? ''
  const page = await app.inject({ url: href, headers: BROWSER })
  t.equal(page.statusCode, 303)
  t.equal(page.headers.location, '/authorize?again')
})

t.test('a client that only asks who the person is gets no choice of scopes', async (t) => {
  const { open, answer, answers } = await consentApp(t, {
    ...PENDING,
    requested: null,
    identity: ['openid', 'email'],
  })
  const { document } = await open()
  t.equal(document.querySelector('fieldset'), null)
  t.match(document.querySelector('main')?.text, 'your email address')
  await (await answer([['decision', 'allow']]))()
  t.strictSame(answers, [[]])
})
