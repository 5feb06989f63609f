// Owns the tests of the set-up page over HTTP: one administrator, made through a link that works once.

import t from 'tap'
import { type Prepared, prepareSetup } from '../../src/sign-in/prepare-setup.ts'
import { hashToken } from '../../src/storage/hash.ts'
import * as setupLinks from '../../src/storage/setup-links.ts'
import * as users from '../../src/storage/users.ts'
import { DATABASE_KINDS } from '../support/database.ts'
import { buildSignIn, openBrowser, PASSWORD, PUBLIC_URL, type SignInApp } from './sign-in-app.ts'

const FORM = { email: 'ada@example.org', password: PASSWORD, password_again: PASSWORD }

for (const kind of DATABASE_KINDS) {
  t.test(
    `on ${kind}: the link makes the administrator, who signs in, and then it is over for good`,
    async (t) => {
      const service = await buildSignIn(t, { kind })
      const token = await printLink(service)
      const browser = openBrowser(service.app)

      const page = await browser.get(`/setup?token=${token}`)
      t.equal(page.statusCode, 200)
      t.match(page.body, /name="token" value="[\w-]{43}"/)
      t.equal(page.headers['cache-control'], 'no-store')

      const answer = await browser.post('/setup', { ...FORM, token })
      t.equal(answer.statusCode, 200)
      t.match(answer.body, 'You are the administrator')
      t.match(answer.body, 'href="/login"')
      const [admin, ...others] = await users.list(service.db)
      t.match(admin, { email: FORM.email, name: 'ada', role: 'admin' })
      t.same(others, [])
      t.same(service.audited, [{ event: 'administrator', userId: admin?.id, by: 'setup link' }])

      const signedIn = await openBrowser(service.app).post('/login/u-123', FORM)
      t.equal(signedIn.statusCode, 303)
      t.same(service.signedIn, [admin?.id])

      const restarted = await service.again()
      for (const app of [service.app, restarted]) {
        for (const path of [`/setup?token=${token}`, '/setup?token=other', '/setup']) {
          const over = await openBrowser(app).get(path)
          t.equal(over.statusCode, 410, path)
          t.match(over.body, 'Already set up')
        }
        const again = await browser.post('/setup', { ...FORM, token, email: 'eve@example.org' })
        t.equal(again.statusCode, 410)
      }
      t.equal((await users.list(service.db)).length, 1)
    },
  )

  t.test(`on ${kind}: of twenty at once one becomes the administrator`, async (t) => {
    const service = await buildSignIn(t, { kind })
    const tokens = [await printLink(service), await printLink(service)]
    const replicas = [service.app, await service.again()]
    const browsers = await Promise.all(
      Array.from({ length: 20 }, async (_, n) => {
        const app = replicas[n % 2]
        if (!app) throw new Error('two replicas')
        const browser = openBrowser(app)
        await browser.get(`/setup?token=${tokens[n % 2]}`)
        return browser
      }),
    )
    const answers = await Promise.all(
      browsers.map((browser, n) =>
        browser.post('/setup', { ...FORM, token: tokens[n % 2] ?? '', email: `person${n}@example.org` }),
      ),
    )
    const statuses = answers.map(({ statusCode }) => statusCode).sort()
    t.same(statuses, [200, ...Array(19).fill(410)])
    t.equal((await users.list(service.db)).length, 1)
    t.same(await service.db.selectFrom('setup_links').selectAll().execute(), [])
  })
}

t.test('mistakes are all named at once and do not use the link up', async (t) => {
  const service = await buildSignIn(t)
  const token = await printLink(service)
  const browser = openBrowser(service.app)
  await browser.get(`/setup?token=${token}`)

  const mistakes: [fields: Record<string, string>, messages: RegExp[]][] = [
    [{ email: '', password: '', password_again: '' }, [/Enter your email address/, /at least 8 characters/]],
    [{ ...FORM, email: 'ada', password_again: 'else' }, [/like name@example.com/, /not the same/]],
    [{ ...FORM, email: 'a\u200bda@example.org' }, [/cannot be seen/]],
    [{ ...FORM, password: 'password123', password_again: 'password123' }, [/among the first/]],
    [{ ...FORM, password: 'Ada@Example.org', password_again: 'Ada@Example.org' }, [/among the first/]],
    [{ ...FORM, name: 'A\u202eda' }, [/cannot be seen/]],
  ]
  for (const [fields, messages] of mistakes) {
    const answer = await browser.post('/setup', { ...fields, token })
    t.equal(answer.statusCode, 422)
    for (const message of messages) t.match(answer.body, message)
    t.match(answer.body, `name="token" value="${token}"`)
    t.notMatch(answer.body, PASSWORD)
  }
  t.same(await users.list(service.db), [])
  t.equal((await browser.post('/setup', { ...FORM, token })).statusCode, 200)
})

t.test('without the printed link nobody becomes the administrator, and no password is hashed', async (t) => {
  const service = await buildSignIn(t)
  const token = await printLink(service)
  const browser = openBrowser(service.app)
  await browser.get(`/setup?token=${token}`)
  const expired = 'expired-token'
  await setupLinks.create(service.db, hashToken(expired), -1)

  for (const wrong of ['', 'made-up', token.slice(0, -1), hashToken(token), expired, "' or 1=1"]) {
    t.equal((await browser.get(`/setup?token=${encodeURIComponent(wrong)}`)).statusCode, 404)
    const answer = await browser.post('/setup', { ...FORM, token: wrong })
    t.equal(answer.statusCode, 404)
    t.match(answer.body, 'printed when the service started')
  }
  t.equal((await browser.get(`/setup?token=${token}&token=${token}`)).statusCode, 404)
  t.same(await users.list(service.db), [])
  t.equal((await browser.post('/setup', { ...FORM, token })).statusCode, 200)
})

t.test('a form from elsewhere sets nothing up', async (t) => {
  const service = await buildSignIn(t)
  const token = await printLink(service)
  const browser = openBrowser(service.app)
  await browser.get(`/setup?token=${token}`)
  const foreign = { origin: 'https://evil.example', 'sec-fetch-site': 'cross-site' }
  t.equal((await browser.post('/setup', { ...FORM, token }, foreign)).statusCode, 403)
  t.equal((await browser.post('/setup', { ...FORM, token, _csrf: 'made-up' })).statusCode, 403)
  t.same(await users.list(service.db), [])
  t.equal((await browser.post('/setup', { ...FORM, token })).statusCode, 200)
})

t.test('an address that somebody has already is a mistake, not an administrator', async (t) => {
  const service = await buildSignIn(t)
  await service.addPerson('ada@example.org')
  const token = await printLink(service)
  const browser = openBrowser(service.app)
  await browser.get(`/setup?token=${token}`)
  const taken = await browser.post('/setup', { ...FORM, email: 'ADA@example.org', token })
  t.equal(taken.statusCode, 422)
  t.match(taken.body, 'Somebody has this address already')
  t.equal((await browser.post('/setup', { ...FORM, email: 'grace@example.org', token })).statusCode, 200)
})

async function printLink({ db, passwords }: SignInApp): Promise<string> {
  const prepared: Prepared = await prepareSetup({
    db,
    passwords,
    audit: { administratorCreated() {} },
    publicUrl: PUBLIC_URL,
    admin: null,
    log() {},
  })
  if (prepared.kind !== 'link') throw new Error('no link')
  const url = new URL(prepared.url)
  if (url.origin !== PUBLIC_URL || url.pathname !== '/setup') throw new Error(prepared.url)
  return url.searchParams.get('token') ?? ''
}
