// Owns the proof that upstreams come, change and go while the app runs: in metadata, scopes, consent and calls, and never half.

import { rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { McpServer } from '@modelcontextprotocol/server'
import t, { type Test } from 'tap'
import * as z from 'zod'
import { INITIALIZE, post } from '../demo/wire.ts'
import { serveMcp } from '../gateway/mcp-upstream.ts'
import { commandLine } from '../support/command-line.ts'
import { build, type Running } from '../support/gatehouse.ts'
import { authorizationRequest, getJson, register } from '../support/oauth.ts'
import { connect, signIn } from '../support/sign-in.ts'
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
    const { accessToken } = await connected(running, 'notes')
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
  t.match(log(), 'the upstreams stay as they are')
  await write({ notes: { url: notes.url }, mail: { url: mail.url } })
  await until('the next one is taken', async () => (await metadataOf(origin, 'mail')).status === 200)
  t.same(running.reload(), { kind: 'unchanged' })
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
