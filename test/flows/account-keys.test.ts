// Owns the account page's API keys: made there, shown once, good at the gateway, and revoked there by nobody else.

import t from 'tap'
import { REMEMBERED_MS } from '../../src/authorization-server/api-keys.ts'
import type { Browser, Page } from '../support/browser.ts'
import { build, PASSWORD } from '../support/gatehouse.ts'

const ALICE = 'alice@example.com'
const BOB = 'bob@example.com'
const CREATE = 'form[action="/account/keys/create"]'
const REVOKE = 'form[action="/account/keys/revoke"]'

async function openAccount(origin: string, browser: Browser, email: string): Promise<Page> {
  const page = await browser.open(`${origin}/account`)
  return page.url.includes('/login/') ? browser.submit(page, { email, password: PASSWORD }) : page
}

function keysOf(page: Page): string {
  return page.document.querySelector('section[aria-labelledby="keys"]')?.text.replace(/\s+/g, ' ') ?? ''
}

async function call(origin: string, key: string, tool: string): Promise<number> {
  const { status } = await fetch(`${origin}/mcp`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${key}`,
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
    },
    body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: tool } }),
  })
  return status
}

t.test('a key is made on the page, shown once, and opens what was ticked', async (t) => {
  const { origin, createPerson, browser, log } = await build(t)
  await createPerson(ALICE)
  const desk = browser()
  const page = await openAccount(origin, desk, ALICE)
  const form = { key_name: 'nightly build', key_scope: ['demo:read', 'elsewhere'], key_days: '30' }

  const shown = await desk.submit(page, form, undefined, CREATE)

  const key = shown.document.querySelector('code.copy')?.text ?? ''
  t.match(key, /^gh_/)
  t.equal(shown.headers.get('cache-control'), 'no-store')
  const after = await openAccount(origin, desk, ALICE)
  t.match(keysOf(after), /nightly build gh_\S+… Demo: read Created just now, not used yet, good until/)
  t.notMatch(after.body, key)
  t.notMatch(log(), key)
  t.match(log(), 'api_key.created')
  t.not(await call(origin, key, 'list_notes'), 401)
  t.equal(await call(origin, key, 'clear_notes'), 403, 'only reading was ticked')
})

t.test('what is missing is said beside the form, and no key is made', async (t) => {
  const { origin, createPerson, browser, db } = await build(t)
  await createPerson(ALICE)
  const desk = browser()
  const page = await openAccount(origin, desk, ALICE)

  const again = await desk.submit(page, { key_name: ' ', key_days: '4000' }, undefined, CREATE)

  t.equal(again.status, 422)
  t.match(keysOf(again), 'Give the key a name')
  t.match(keysOf(again), 'Choose what the key may do.')
  t.match(keysOf(again), 'Choose how long the key lasts.')
  t.same(await db.selectFrom('api_keys').selectAll().execute(), [])
})

t.test('a mistake costs nothing of what was typed beside it', async (t) => {
  const { origin, createPerson, browser } = await build(t)
  await createPerson(ALICE)
  const desk = browser()
  const page = await openAccount(origin, desk, ALICE)
  const nameless = { key_name: '', key_scope: 'demo:read', key_days: '365' }

  const again = await desk.submit(page, nameless, undefined, CREATE)

  t.equal(again.status, 422)
  t.ok(again.document.querySelector('input[value="demo:read"]')?.hasAttribute('checked'))
  t.notOk(again.document.querySelector('input[value="demo"]')?.hasAttribute('checked'))
  t.ok(again.document.querySelector('option[value="365"]')?.hasAttribute('selected'))
  const named = { key_name: 'a "build"', key_scope: [], key_days: '30' }
  const aimless = await desk.submit(again, named, undefined, CREATE)
  t.equal(aimless.document.querySelector('#key_name')?.getAttribute('value'), 'a "build"')
})

t.test('a key is revoked on the page of its owner, and on nobody else’s', async (t) => {
  const { origin, createPerson, browser, db } = await build(t)
  await createPerson(ALICE)
  await createPerson(BOB)
  const [desk, other] = [browser(), browser()]
  const form = { key_name: 'ci', key_scope: 'demo', key_days: '90' }
  const made = await desk.submit(await openAccount(origin, desk, ALICE), form, undefined, CREATE)
  const key = made.document.querySelector('code.copy')?.text ?? ''
  const { id } = await db.selectFrom('api_keys').select('id').executeTakeFirstOrThrow()
  const page = await openAccount(origin, other, BOB)
  const _csrf = page.document.querySelector('input[name=_csrf]')?.getAttribute('value') ?? ''

  await other.post(`${origin}/account/keys/revoke`, { _csrf, key: id }, { origin })
  t.not(await call(origin, key, 'list_notes'), 401, 'bob changed nothing')

  const after = await desk.submit(await openAccount(origin, desk, ALICE), {}, undefined, REVOKE)
  t.match(after.document.querySelector('[role=status]')?.text, 'The API key is revoked.')
  t.notMatch(keysOf(after), 'gh_')
  await new Promise((resolve) => setTimeout(resolve, REMEMBERED_MS + 50))
  t.equal(await call(origin, key, 'list_notes'), 401)
})
