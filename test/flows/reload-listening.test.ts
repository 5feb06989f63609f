// Owns the proof that who listens while upstreams come, change and go hears of it, in both eras, and finds what is there then.

import { rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { McpServer } from '@modelcontextprotocol/server'
import t, { type Test } from 'tap'
import { type Era, serveMcp } from '../gateway/mcp-upstream.ts'
import { build } from '../support/gatehouse.ts'
import { LISTENERS } from '../support/listening-clients.ts'
import { connect } from '../support/sign-in.ts'
import { until } from '../support/until.ts'

const ALICE = 'alice@example.com'

/** A server with one tool, one prompt and one resource, all called the same. */
function serving(t: Test, name: string, era: Era) {
  return serveMcp(
    t,
    () => {
      const server = new McpServer({ name, version: '1' })
      server.registerTool(name, {}, async () => ({ content: [{ type: 'text', text: `did ${name}` }] }))
      server.registerPrompt(name, {}, () => ({ messages: [] }))
      server.registerResource(name, `note://${name}`, {}, () => ({ contents: [] }))
      return server
    },
    era,
  )
}

async function scene(t: Test, first: Readonly<Record<string, { readonly url: string }>>) {
  const file = join(t.testdir({}), 'upstreams.json')
  const write = async (servers: object) => {
    await writeFile(`${file}.new`, JSON.stringify(servers))
    await rename(`${file}.new`, file)
  }
  // Scopes are asked for at the start: a person agrees to what is there.
  await write({ notes: { url: 'http://127.0.0.1:9/mcp' }, mail: { url: 'http://127.0.0.1:9/mcp' } })
  const running = await build(t, { env: { UPSTREAMS_FILE: file } })
  await running.createPerson(ALICE)
  const tokenFor = async (resource: string, scope: string) =>
    (
      await connect(running.origin, running.browser(), ALICE, {
        parameters: { resource: `${running.origin}${resource}`, scope },
      })
    ).accessToken
  const tokens = {
    all: await tokenFor('/mcp', 'notes mail'),
    notes: await tokenFor('/mcp/notes', 'notes'),
  }
  await write(first)
  await until('the first ones are there', () => /"changed":\[.*"notes"/.test(running.log()))
  return { ...running, write, tokens }
}

t.test('who listens to several servers at once hears that there are more, or fewer', async (t) => {
  const notes = await serving(t, 'notes', 'modern')
  const mail = await serving(t, 'mail', 'legacy')
  const other = await serving(t, 'other', 'legacy')
  const both = { notes: { url: notes.url }, mail: { url: mail.url } }
  const { origin, write, tokens } = await scene(t, both)
  for (const [what, listen] of LISTENERS) {
    const app = await listen(t, `${origin}/mcp`, tokens.all)
    t.match(await app.tools(), new Set(['notes_notes', 'mail_mail']))

    await write({ notes: { url: notes.url }, mail: { url: other.url } })
    await until(`${what} hears of one that changed`, () => app.heard.tools > 0)
    t.match(await app.tools(), new Set(['notes_notes', 'mail_other']))
    t.equal(await app.call('mail_other'), 'did other')
    await until(`${what} hears of all lists`, () => app.heard.prompts > 0 && app.heard.resources > 0)

    const before = app.heard.tools
    await write({ notes: { url: notes.url }, mail: { url: other.url }, more: { url: mail.url } })
    await until(`${what} hears of one more`, () => app.heard.tools > before)
    await write(both)
    await until(`${what} hears of one less`, () => app.heard.tools > before + 1)
    await until(`${what} finds what is there`, async () => !(await app.tools()).includes('mail_other'))
    t.equal(await app.call('mail_mail'), 'did mail')
  }
})

for (const [from, to] of [
  ['legacy', 'modern'],
  ['modern', 'legacy'],
  ['modern', 'modern'],
] as const) {
  t.test(`who listens to a ${from} server hears that it is another, ${to} one`, async (t) => {
    const old = await serving(t, 'old', from)
    const young = await serving(t, 'young', to)
    const mail = { url: 'http://127.0.0.1:9/mcp' }
    const { origin, write, tokens } = await scene(t, { notes: { url: old.url }, mail })
    const apps = await Promise.all(
      LISTENERS.map(async ([what, listen]) => ({
        what,
        app: await listen(t, `${origin}/mcp/notes`, tokens.notes),
      })),
    )
    for (const { app } of apps) t.same(await app.tools(), ['old'])
    await write({ notes: { url: young.url }, mail })
    for (const { what, app } of apps)
      await until(`${what} hears`, () => Object.values(app.heard).every((times) => times > 0))
    const [, modern] = apps
    t.same(await modern?.app.tools(), ['young'])
  })
}
