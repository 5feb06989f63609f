// Owns the proof that the operator's policy is replaced while everything runs: at once, as a whole, and told to who listens.

import { rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { McpServer } from '@modelcontextprotocol/server'
import t, { type Test } from 'tap'
import * as z from 'zod'
import { type Era, serveMcp } from '../gateway/mcp-upstream.ts'
import { build } from '../support/gatehouse.ts'
import { LISTENERS, listenV2 } from '../support/listening-clients.ts'
import { connect } from '../support/sign-in.ts'
import { until } from '../support/until.ts'

const ALICE = 'alice@example.com'
const OPEN = { rules: [{ tools: ['secret_*'], effect: 'deny' }] }
const CLOSED = { rules: [{ tools: ['delete_*', 'slow_*'], effect: 'deny', reason: 'Not today.' }] }

async function scene(t: Test, eras: readonly Era[]) {
  const slow = { begun: 0, finish: Promise.withResolvers<void>() }
  const buildServer = () => {
    const server = new McpServer({ name: 'notes', version: '1' })
    for (const name of ['read_note', 'delete_note'])
      server.registerTool(name, { inputSchema: z.object({}) }, async () => said(`did ${name}`))
    server.registerTool('slow_note', { inputSchema: z.object({}) }, async () => {
      slow.begun++
      await slow.finish.promise
      return said('done at last')
    })
    return server
  }
  const entries = await Promise.all(
    eras.map(async (era, at) => [`notes${at}`, { url: (await serveMcp(t, buildServer, era)).url }]),
  )
  const file = join(t.testdir({}), 'policy.json')
  const write = async (policy: unknown) => {
    await writeFile(`${file}.new`, typeof policy === 'string' ? policy : JSON.stringify(policy))
    await rename(`${file}.new`, file)
  }
  await write(OPEN)
  const env = { UPSTREAMS: JSON.stringify(Object.fromEntries(entries)), POLICY_FILE: file }
  const running = await build(t, { env })
  await running.createPerson(ALICE)
  const scope = eras.map((_, at) => `notes${at}`).join(' ')
  const { accessToken } = await connect(running.origin, running.browser(), ALICE, { parameters: { scope } })
  return { ...running, write, slow, token: accessToken }
}

const said = (text: string) => ({ content: [{ type: 'text' as const, text }] })

for (const eras of [['legacy'], ['modern'], ['legacy', 'modern']] as const) {
  const prefix = eras.length === 1 ? '' : 'notes1_'
  t.test(
    `a new policy holds at once for apps of ${eras.join(' and ')} upstreams, and they are told`,
    async (t) => {
      const { origin, write, slow, token, log } = await scene(t, eras)
      const apps = await Promise.all(
        LISTENERS.map(async ([what, listen]) => ({ what, app: await listen(t, `${origin}/mcp`, token) })),
      )
      for (const { app } of apps) {
        t.equal(await app.call(`${prefix}delete_note`), 'did delete_note')
        t.match(await app.tools(), new Set([`${prefix}delete_note`]))
      }
      const underWay = apps.map(({ app }) => app.call(`${prefix}slow_note`))
      await until('they are under way', () => slow.begun === apps.length)

      await write(CLOSED)

      await until('it was taken over', () => log().includes('"policy":true'))
      for (const { what, app } of apps) {
        await until(`${what} hears`, () => app.heard.tools > 0)
        t.notOk((await app.tools()).includes(`${prefix}delete_note`), `${what} is not shown it`)
        await t.rejects(app.call(`${prefix}delete_note`), /Not today\./, what)
        t.equal(await app.call(`${prefix}read_note`), 'did read_note')
      }
      slow.finish.resolve()
      t.same(await Promise.all(underWay), ['done at last', 'done at last'], 'what has begun ends as it began')

      const before = apps.map(({ app }) => app.heard.tools)
      await write(OPEN)
      for (const [at, { what, app }] of apps.entries()) {
        await until(`${what} hears again`, () => app.heard.tools > (before[at] ?? 0))
        t.ok((await app.tools()).includes(`${prefix}delete_note`))
        t.equal(await app.call(`${prefix}delete_note`), 'did delete_note')
      }
    },
  )
}

t.test('a policy with mistakes changes nothing, and each of them is in the log', async (t) => {
  const { origin, write, token, log, reload } = await scene(t, ['modern'])
  await write(CLOSED)
  await until('it was taken over', () => log().includes('"policy":true'))
  const app = await listenV2(t, `${origin}/mcp`, token)
  for (const [policy, problem] of [
    ['{"rules": [', 'JSON that ends too early'],
    [{ rules: [{ tools: ['x'], effect: 'forbid' }] }, 'rules.1.effect'],
    [{ rules: [{ upstream: 'nowhere', effect: 'deny' }] }, 'the name of an upstream that is configured'],
  ] as const) {
    await write(policy)
    await until(problem, () => log().includes(problem))
    t.match(reload(), { kind: 'refused', problems: [new RegExp(problem)] })
    await t.rejects(app.call('delete_note'), /Not today\./, 'the one before holds')
  }
  t.equal(app.heard.tools, 0, 'and nobody is told of anything')
  await write(CLOSED)
  t.same(reload(), { kind: 'unchanged' })
  await write(OPEN)
  t.match(reload(), { kind: 'reloaded', changes: { added: [], changed: [], removed: [], policy: true } })
  t.equal(await app.call('delete_note'), 'did delete_note')
})
