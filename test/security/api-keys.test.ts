// Owns the proofs that an API key opens what it names, while it is good, and nothing else.

import t from 'tap'
import { createApiKeys, REMEMBERED_MS } from '../../src/authorization-server/api-keys.ts'
import { parseScope } from '../../src/oauth/scope.ts'
import * as apiKeys from '../../src/storage/api-keys.ts'
import type { Database } from '../../src/storage/database.ts'
import { hintOf, isSecret, newSecret } from '../../src/storage/pasted-secret.ts'
import { revokeAll } from '../../src/storage/revocations.ts'
import * as users from '../../src/storage/users.ts'
import { createTestDatabase, onEveryDatabase } from '../support/database.ts'
import { build, PASSWORD } from '../support/gatehouse.ts'
import { events, startHostileUpstream } from '../support/hostile-upstream.ts'
import { authorizationRequest, register } from '../support/oauth.ts'
import { signIn } from '../support/sign-in.ts'

const DAY = 24 * 60 * 60

interface Wish {
  readonly scope: string
  readonly expiresInSeconds?: number | null
}

async function createKey(db: Database, userId: users.UserId, { scope, expiresInSeconds = DAY }: Wish) {
  return apiKeys.create(db, { name: 'CI', userId, scopes: parseScope(scope), expiresInSeconds })
}

function call(url: string, key: string, method = 'ping', params = {}): Promise<Response> {
  return fetch(url, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${key}`,
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
      'mcp-protocol-version': '2025-06-18',
    },
    body: JSON.stringify({ jsonrpc: '2.0', id: 1, method, params }),
  })
}

const forget = () => new Promise((resolve) => setTimeout(resolve, REMEMBERED_MS + 50))

t.test('a key opens the upstreams of its scopes, and is never sent on', async (t) => {
  const [notes, mail] = [await startHostileUpstream(t), await startHostileUpstream(t)]
  const { origin, db, createPerson, app, log } = await build(t, {
    env: { UPSTREAM_NOTES_URL: notes.url, UPSTREAM_MAIL_URL: mail.url },
  })
  const alice = await createPerson('alice@example.com')
  const { key, stored } = await createKey(db, alice.id, { scope: 'notes' })

  t.equal((await call(`${origin}/mcp/notes`, key)).status, 200)
  t.notOk(notes.raw().includes(key), 'the upstream does not see it')
  t.match(log(), new RegExp(`"subject":"${alice.id}","clientId":"${stored.id}"`))
  t.notOk(log().includes(key), 'the log does not have it')

  const elsewhere = await call(`${origin}/mcp/mail`, key)
  t.equal(elsewhere.status, 401)
  t.match(elsewhere.headers.get('www-authenticate'), /^Bearer error="invalid_token", resource_metadata=/)
  t.equal(mail.arrivals.length, 0)

  await app.close()
  t.match(await apiKeys.list(db), [{ id: stored.id, lastUsedAt: Date }])
})

t.test('a key that only reads gets the step-up for what changes something', async (t) => {
  const notes = await startHostileUpstream(t)
  const { origin, db, createPerson } = await build(t, { env: { UPSTREAM_NOTES_URL: notes.url } })
  const alice = await createPerson('alice@example.com')
  const { key } = await createKey(db, alice.id, { scope: 'notes:read' })
  t.equal((await call(`${origin}/mcp/notes`, key, 'tools/list')).status, 200)
  const writing = await call(`${origin}/mcp/notes`, key, 'tools/call', { name: 'delete', arguments: {} })
  t.equal(writing.status, 403)
  t.match(writing.headers.get('www-authenticate'), /insufficient_scope.*scope="notes"/)
})

t.test('wrong, expired, revoked, a disabled person: all are told the same', async (t) => {
  const notes = await startHostileUpstream(t)
  const { origin, db, createPerson } = await build(t, { env: { UPSTREAM_NOTES_URL: notes.url } })
  const [alice, bob] = [await createPerson('alice@example.com'), await createPerson('bob@example.com')]
  const good = await createKey(db, alice.id, { scope: 'notes' })
  const expired = await createKey(db, alice.id, { scope: 'notes', expiresInSeconds: 0 })
  const revoked = await createKey(db, alice.id, { scope: 'notes' })
  const disabled = await createKey(db, bob.id, { scope: 'notes' })
  const forever = await createKey(db, alice.id, { scope: 'notes', expiresInSeconds: null })
  await apiKeys.revoke(db, revoked.stored.id)
  await users.disable(db, bob.id)

  const refused = [expired.key, revoked.key, disabled.key, newSecret('gh'), 'gh_x', `${good.key}x`]
  const answers = await Promise.all(
    refused.map(async (key) => {
      const answer = await call(`${origin}/mcp`, key)
      return [answer.status, answer.headers.get('www-authenticate'), await answer.text()]
    }),
  )
  for (const answer of answers) t.same(answer, answers[0])
  t.match(answers[0], [401, /error="invalid_token"/, /invalid_token/])
  t.equal(notes.arrivals.length, 0)
  for (const { key } of [good, forever]) t.equal((await call(`${origin}/mcp`, key)).status, 200)
})

t.test('revoking a key takes effect within a second, also where it was just used', async (t) => {
  const notes = await startHostileUpstream(t)
  const { origin, db, createPerson } = await build(t, { env: { UPSTREAM_NOTES_URL: notes.url } })
  const alice = await createPerson('alice@example.com')
  const [one, other] = [
    await createKey(db, alice.id, { scope: 'notes' }),
    await createKey(db, alice.id, { scope: 'notes' }),
  ]
  for (const { key } of [one, other]) t.equal((await call(`${origin}/mcp`, key)).status, 200)
  await apiKeys.revoke(db, one.stored.id)
  await forget()
  t.equal((await call(`${origin}/mcp`, one.key)).status, 401)
  t.equal((await call(`${origin}/mcp`, other.key)).status, 200)
})

t.test('revoking a key closes its open streams, and no other', async (t) => {
  const notes = await startHostileUpstream(t)
  notes.answer((_arrival, res) => events(res))
  const { origin, db, createPerson } = await build(t, { env: { UPSTREAM_NOTES_URL: notes.url } })
  const alice = await createPerson('alice@example.com')
  const [one, other] = [
    await createKey(db, alice.id, { scope: 'notes' }),
    await createKey(db, alice.id, { scope: 'notes' }),
  ]
  const listen = ({ key }: { key: string }) =>
    fetch(`${origin}/mcp`, { headers: { authorization: `Bearer ${key}`, accept: 'text/event-stream' } })
  const [ending, staying] = [await listen(one), await listen(other)]
  t.same([ending.status, staying.status], [200, 200])
  let stays = true
  const stayed = staying.text().finally(() => {
    stays = false
  })

  await apiKeys.revoke(db, one.stored.id)
  await ending.text().catch(() => undefined)
  t.ok(stays)
  await apiKeys.revoke(db, other.stored.id)
  await stayed.catch(() => undefined)
})

t.test('a key that is good in a backup is not good after everything was revoked', async (t) => {
  const { db } = await createTestDatabase(t)
  const service = await users.ensureService(db, 'ci')
  const { key } = await createKey(db, service.id, { scope: 'notes' })
  t.ok(await apiKeys.findGood(db, key))
  await revokeAll(db)
  t.equal(await apiKeys.findGood(db, key), null)
})

t.test('a key is no access token elsewhere, and no bearer but in the header', async (t) => {
  const notes = await startHostileUpstream(t)
  const { origin, db, createPerson } = await build(t, { env: { UPSTREAM_NOTES_URL: notes.url } })
  const alice = await createPerson('alice@example.com')
  const { key } = await createKey(db, alice.id, { scope: 'notes' })
  const userinfo = await fetch(`${origin}/userinfo`, { headers: { authorization: `Bearer ${key}` } })
  t.equal(userinfo.status, 401)
  t.not((await call(`${origin}/mcp?access_token=${key}`, '')).status, 200)
  t.equal((await call(`${origin}/mcp`, key)).status, 200)
})

t.test('a service account has keys and no way to sign in', async (t) => {
  const notes = await startHostileUpstream(t)
  const { origin, db, browser, createPerson } = await build(t, { env: { UPSTREAM_NOTES_URL: notes.url } })
  const service = await users.ensureService(db, 'nightly')
  t.equal((await users.ensureService(db, 'nightly')).id, service.id)
  const { key } = await createKey(db, service.id, { scope: 'notes' })
  t.equal((await call(`${origin}/mcp`, key)).status, 200)

  const { client_id } = await register(origin)
  const { url } = authorizationRequest(origin, client_id, { scope: 'notes' })
  for (const email of [service.email, 'nightly']) {
    const page = await signIn(browser(), url, email)
    t.ok(page.url.includes('/login/'), `${page.status}`)
  }
  await t.rejects(users.setPassword(db, service.id, '$argon2id$stolen'), 'it cannot get a password')
  const alice = await createPerson('alice@example.com')
  t.ok((await signIn(browser(), url, alice.email)).url.includes('/consent/'), PASSWORD)
})

t.test('a key that is in use is known without asking, and asked after anew within a second', async (t) => {
  const { db } = await createTestDatabase(t)
  const { user } = await users.create(db, {
    email: 'a@example.com',
    name: '',
    passwordHash: null,
    role: 'member',
  })
  if (!user) throw new Error('expected a user')
  const { key } = await createKey(db, user.id, { scope: 'notes' })
  const keys = createApiKeys(db, () => [])
  const both = await Promise.all([keys.find(key), keys.find(key)])
  t.match(both, [{ subject: user.id }, { subject: user.id }])
  t.notOk(keys.find(key) instanceof Promise, 'known at once')
  await forget()
  const again = keys.find(key)
  t.ok(again instanceof Promise, 'asked again')
  t.match(await again, { subject: user.id })
  await keys.flush()
  t.match(await apiKeys.list(db), [{ lastUsedAt: Date }])
})

t.test('the form of a key is what scanners and people can recognise', async (t) => {
  const keys = Array.from({ length: 200 }, () => newSecret('gh'))
  for (const key of keys) t.match(key, /^gh_[0-9A-Za-z]{46}$/)
  t.equal(new Set(keys).size, keys.length)
  const [key = ''] = keys
  t.ok(isSecret('gh', key))
  t.equal(hintOf('gh', key), key.slice(0, 7))
  const changed = key.slice(0, 10) + (key[10] === 'a' ? 'b' : 'a') + key.slice(11)
  for (const bad of [
    changed,
    key.slice(0, -1),
    `${key}a`,
    key.replace('gh_', 'gh-'),
    `ghreg_${key.slice(3)}`,
    '',
  ])
    t.notOk(isSecret('gh', bad), bad)
})

onEveryDatabase(t, async (t, db) => {
  await t.test('only the hash of a key is stored, and only its person may revoke it', async (t) => {
    const service = await users.ensureService(db, 'ci')
    const other = await users.ensureService(db, 'other')
    const { key, stored } = await createKey(db, service.id, { scope: 'notes mail:read' })
    const rows = await db.selectFrom('api_keys').selectAll().execute()
    t.notOk(JSON.stringify(rows).includes(key))
    t.match(await apiKeys.findGood(db, key), { id: stored.id, scopes: new Set(['notes', 'mail:read']) })
    t.equal(await apiKeys.revoke(db, stored.id, other.id), null)
    t.ok(await apiKeys.findGood(db, key))
    t.match(await apiKeys.revoke(db, stored.id, service.id), { id: stored.id })
    t.equal(await apiKeys.revoke(db, stored.id, service.id), null)
    t.equal(await apiKeys.findGood(db, key), null)
    t.match(await apiKeys.listOf(db, service.id), [{ revokedAt: Date }])
  })

  await t.test('what was of no use for a long time is deleted', async (t) => {
    const service = await users.ensureService(db, 'old')
    const { stored } = await createKey(db, service.id, { scope: 'notes' })
    const live = await createKey(db, service.id, { scope: 'notes', expiresInSeconds: null })
    const longAgo = new Date(Date.now() - 91 * DAY * 1000)
    await db.updateTable('api_keys').set({ expires_at: longAgo }).where('id', '=', stored.id).execute()
    t.equal(await apiKeys.deleteSpent(db, 10), 1)
    t.match(await apiKeys.listOf(db, service.id), [{ id: live.stored.id }])
  })
})
