// Owns the proof that upstreams come, change and go while the app runs: in metadata, scopes, consent and calls, and never half.

import { rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { McpServer } from '@modelcontextprotocol/server'
import t, { type Test } from 'tap'
import * as z from 'zod'
import { loadConfig } from '../../src/config/config.ts'
import * as apiKeys from '../../src/storage/api-keys.ts'
import { INITIALIZE, post } from '../demo/wire.ts'
import { serveMcp } from '../gateway/mcp-upstream.ts'
import { commandLine } from '../support/command-line.ts'
import { build, createPerson, type Running } from '../support/gatehouse.ts'
import { authorizationRequest, getJson, register } from '../support/oauth.ts'
import { ask, startReplica } from '../support/replica.ts'
import { connect, refresh, signIn } from '../support/sign-in.ts'
import { until } from '../support/until.ts'

const ALICE = 'alice@example.com'

function buildServer(name: string): () => McpServer {
  return () => {
    const server = new McpServer({ name, version: '1' })
    server.registerTool(
      `${name}_read`,
      { inputSchema: z.object({}), annotations: { readOnlyHint: true } },
      async () => ({
        content: [{ type: 'text', text: name }],
      }),
    )
    return server
  }
}

async function scene(t: Test) {
  const notes = await serveMcp(t, buildServer('notes'), 'legacy')
  const mail = await serveMcp(t, buildServer('mail'), 'legacy')
  const file = join(t.testdir({}), 'upstreams.json')
  const write = async (servers: unknown) => {
    await writeFile(`${file}.new`, typeof servers === 'string' ? servers : JSON.stringify(servers))
    await rename(`${file}.new`, file)
  }
  await write({ notes: { url: notes.url } })
  const running = await build(t, { env: { UPSTREAMS_FILE: file } })
  await running.createPerson(ALICE)
  return { ...running, notes, mail, write, file }
}

function connected({ origin, browser }: Running, upstream: string) {
  const resource = `${origin}/mcp/${upstream}`
  return connect(origin, browser(), ALICE, { parameters: { resource, scope: upstream } })
}

async function initialize(origin: string, path: string, accessToken: string): Promise<number> {
  const answer = await post(`${origin}${path}`, INITIALIZE, { authorization: `Bearer ${accessToken}` })
  await answer.text()
  return answer.status
}

async function scopes(origin: string): Promise<unknown> {
  const { body } = await getJson(`${origin}/.well-known/oauth-authorization-server`)
  return body.scopes_supported
}

const metadataOf = (origin: string, upstream: string) =>
  fetch(`${origin}/.well-known/oauth-protected-resource/mcp/${upstream}`)

t.test(
  'an upstream that is added to the file is there without a restart, with everything that belongs to it',
  async (t) => {
    const running = await scene(t)
    const { origin, notes, mail, write } = running
    const { accessToken, refreshToken, client } = await connected(running, 'notes')
    t.equal(await initialize(origin, '/mcp/notes', accessToken), 200)
    t.equal((await metadataOf(origin, 'mail')).status, 404)
    t.notMatch(await scopes(origin), ['mail'])

    await write({ notes: { url: notes.url }, mail: { url: mail.url, title: 'Company mail' } })
    await until('it is there', async () => (await metadataOf(origin, 'mail')).status === 200)

    const told = await scopes(origin)
    t.ok(
      Array.isArray(told) && ['notes', 'mail', 'mail:read'].every((scope) => told.includes(scope)),
      'its scopes',
    )
    t.equal(await initialize(origin, '/mcp/notes', accessToken), 200, 'what was there goes on')
    const { client_id } = await register(origin)
    const parameters = { resource: `${origin}/mcp/mail`, scope: 'mail' }
    const page = await signIn(
      running.browser(),
      authorizationRequest(origin, client_id, parameters).url,
      ALICE,
    )
    t.match(page.body, 'Company mail', 'people are asked about it')
    t.match(page.body, 'mail_read', 'and shown its tools')
    const mailed = await connected(running, 'mail')
    t.equal(await initialize(origin, '/mcp/mail', mailed.accessToken), 200)
    t.match(running.log(), '"added":["mail"]')

    await write({ mail: { url: mail.url, title: 'Company mail' } })
    await until('it is gone', async () => (await metadataOf(origin, 'notes')).status === 404)
    t.equal(await initialize(origin, '/mcp/notes', accessToken), 404, 'its token is for nothing any more')
    t.equal(await initialize(origin, '/mcp/mail', mailed.accessToken), 200)
    t.equal((await refresh(origin, client.client_id, refreshToken)).status, 400, 'and there are no new ones')
    t.equal((await refresh(origin, mailed.client.client_id, mailed.refreshToken)).status, 200)
    t.match(running.log(), '"removed":["notes"]')
  },
)

t.test('a file with mistakes changes nothing, and each of them is in the log', async (t) => {
  const running = await scene(t)
  const { origin, notes, mail, write, log } = running
  const { accessToken } = await connected(running, 'notes')
  for (const [servers, problem] of [
    ['{"notes": {', 'JSON that ends too early'],
    ['', 'which is empty'],
    [{ mail: { url: mail.url }, 'No Name': { url: 'ftp://x' } }, 'No Name.url'],
    [{ mail: { url: mail.url, limits: { rate: 'much' } } }, 'mail.limits.rate'],
  ] as const) {
    await write(servers)
    await until(problem, () => log().includes(problem))
    t.match(running.reload(), { kind: 'refused' })
    t.equal(await initialize(origin, '/mcp/notes', accessToken), 200)
    t.equal((await metadataOf(origin, 'mail')).status, 404)
  }
  t.match(log(), 'the upstreams and the policy stay as they are')
  await write({ notes: { url: notes.url }, mail: { url: mail.url } })
  await until('the next one is taken', async () => (await metadataOf(origin, 'mail')).status === 200)
  t.same(running.reload(), { kind: 'unchanged' })
})

t.test('a mistake that is put right is in the log, also when nothing else changed', async (t) => {
  const { notes, write, log } = await scene(t)
  const asBefore = 'the upstreams and the policy are as they were'
  await write('{"notes": {')
  await until('it is refused', () => log().includes('JSON that ends too early'))
  t.notMatch(log(), asBefore)
  await write({ notes: { url: notes.url } })
  await until('it is right again', () => log().includes(asBefore))
})

t.test('an upstream that moves is called at its new address by the tokens that are there', async (t) => {
  const running = await scene(t)
  const { origin, notes, mail, write } = running
  const { accessToken } = await connected(running, 'notes')
  await initialize(origin, '/mcp/notes', accessToken)
  const before = notes.count('POST')
  await write({ notes: { url: mail.url } })
  await until('it moved', () => running.log().includes('"changed":["notes"]'))
  t.equal(await initialize(origin, '/mcp/notes', accessToken), 200)
  t.equal(notes.count('POST'), before)
  t.ok(mail.count('POST') > 0)
})

t.test('an operator tells every replica to read again by command', async (t) => {
  const { database, secretKeys, file, log } = await scene(t)
  const url = database.config.kind === 'postgres' ? database.config.url : ''
  const env = { DATABASE_URL: url, SECRET_KEY: secretKeys.join(','), UPSTREAMS_FILE: file }
  const told = await commandLine(env)('upstream', 'reload', '--json')
  t.match(told, { code: 0, json: { told: 'every replica', upstreams: 1 } })
  await until('it was heard', () => log().includes('the configuration was read again'))
  const refused = await commandLine({ ...env, UPSTREAMS_FILE: `${file}.gone` })('upstream', 'reload')
  t.match(refused, { code: 1, err: /which does not exist/ })
})

t.test('one command, or one request to the API, changes every replica, each by its own files', async (t) => {
  const mail = await serveMcp(t, buildServer('mail'), 'legacy')
  const files = ['first', 'second'].map((name) => join(t.testdir({}), `${name}.json`))
  const write = (servers: object) =>
    Promise.all(files.map((file) => writeFile(file, JSON.stringify(servers))))
  await write({ mail: { url: mail.url } })
  const [file = '', other = ''] = files
  // Nobody looks at the files unless told.
  const filePollMs = 3_600_000
  const first = await build(t, { env: { UPSTREAMS_FILE: file }, overrides: { filePollMs } })
  const readConfig = () =>
    loadConfig({ PORT: String(first.config.port), PUBLIC_URL: first.origin, UPSTREAMS_FILE: other })
  const second = await startReplica(t, first, { overrides: { readConfig, filePollMs } })
  const named = async (upstream: string) => {
    const url = `${first.origin}/.well-known/oauth-protected-resource/mcp/${upstream}`
    return [(await fetch(url)).status, (await ask(second, url)).status]
  }
  t.same(await named('notes'), [404, 404])

  await write({ mail: { url: mail.url }, notes: { url: mail.url } })
  const url = first.database.config.kind === 'postgres' ? first.database.config.url : ''
  const run = commandLine({ DATABASE_URL: url, SECRET_KEY: first.secretKeys.join(','), UPSTREAMS_FILE: file })
  t.match(await run('upstream', 'reload'), { code: 0 })
  await until('both have it', async () => String(await named('notes')) === '200,200')

  const admin = await createPerson(first.db, 'ada@example.com', 'admin')
  const wish = { name: 'ops', userId: admin.id, scopes: new Set(['mail:read']), expiresInSeconds: 3600 }
  const { key } = await apiKeys.create(first.db, wish)
  await write({ mail: { url: mail.url } })
  const headers = { authorization: `Bearer ${key}` }
  const told = await ask(second, `${first.origin}/admin/api/upstreams/reload`, { method: 'POST', headers })
  t.match(JSON.parse(told.body), { outcome: 'reloaded', removed: ['notes'] })
  t.same((await named('notes'))[1], 404, 'who was asked first')
  await until('both have lost it', async () => String(await named('notes')) === '404,404')

  await writeFile(other, '{"mail": {"url": "nonsense"}}')
  t.match(await run('upstream', 'reload'), { code: 0 })
  await until('the one with a mistake says so', () => second.log().includes('mail.url: expected'))
  t.same(await named('mail'), [200, 200], 'and stays as it is')
})
