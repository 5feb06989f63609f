// Owns `gatehouse user group` and `gatehouse explain` as an operator types them.

import { McpServer } from '@modelcontextprotocol/server'
import t, { type Test } from 'tap'
import * as z from 'zod'
import { remember } from '../../src/storage/consents.ts'
import { findByEmail } from '../../src/storage/users.ts'
import { serveMcp } from '../gateway/mcp-upstream.ts'
import { commandLine, fails, onPostgres } from '../support/command-line.ts'

const ADA = 'ada@example.com'
const POLICY = JSON.stringify({
  groups: { owners: ['Eve@example.com'] },
  rules: [
    { upstream: 'notes', tools: ['delete_*'], groups: ['admins', 'owners'], effect: 'allow' },
    { upstream: 'notes', tools: ['delete_*'], effect: 'deny', reason: 'Ask an admin.' },
    { tools: ['push'], arguments: { required: ['force'] }, effect: 'deny' },
    { tools: ['export'], effect: 'read-only' },
  ],
})

function buildServer(): McpServer {
  const server = new McpServer({ name: 'notes', version: '1' })
  const add = (name: string, readOnlyHint: boolean) =>
    server.registerTool(name, { inputSchema: z.object({}), annotations: { readOnlyHint } }, async () => ({
      content: [],
    }))
  add('read_note', true)
  add('delete_note', false)
  add('push', false)
  add('export', false)
  return server
}

async function scene(t: Test, settings: object = {}) {
  const { url } = await serveMcp(t, buildServer, 'modern')
  const UPSTREAMS = JSON.stringify({ notes: { url, ...settings }, mail: { url: 'http://127.0.0.1:9/mcp' } })
  const { database, gatehouse } = await onPostgres(t, { UPSTREAMS, POLICY })
  await gatehouse('user', 'create', ADA)
  const explain = (...args: string[]) => gatehouse('explain', ...args, '--upstream', 'notes')
  return { database, gatehouse, explain }
}

t.test('people are put into groups, and taken out', async (t) => {
  const { gatehouse } = await scene(t)
  t.match(await gatehouse('user', 'group', 'add', 'ADA@example.com', 'admins'), {
    out: `${ADA} is in admins now.\n`,
  })
  t.match(await gatehouse('user', 'group', 'add', ADA, 'admins'), { out: `${ADA} was in admins already.\n` })
  t.match(await gatehouse('user', 'list'), { out: /\tadmins\n$/ })
  t.match((await gatehouse('user', 'group', 'remove', ADA, 'admins', '--now', '--json')).json, {
    changed: true,
    groups: [],
  })
  await fails(t, gatehouse, ['user', 'group', 'add', ADA], /EMAIL and a GROUP/)
  await fails(
    t,
    gatehouse,
    ['user', 'group', 'join', ADA, 'admins'],
    /`gatehouse user group add` or `remove`/,
  )
  await fails(t, gatehouse, ['user', 'group', 'add', ADA, 'Admins'], /lower-case letters/)
  await fails(t, gatehouse, ['user', 'group', 'add', 'bob@example.com', 'admins'], /nobody with the address/)
})

t.test('explain says yes or no, by which rule, and what the app is told', async (t) => {
  const { gatehouse, explain } = await scene(t)
  const no = await explain(ADA, 'delete_note')
  t.match(no, { code: 0, out: /^No: ada@example.com may not call delete_note at notes\.$/m })
  t.match(no.out, /no {3}policy {2}rule 2: deny tools delete_\* at notes; the app is told: .*Ask an admin\./)
  await gatehouse('user', 'group', 'add', ADA, 'admins')
  const yes = await explain(ADA, 'delete_note')
  t.match(yes.out, /^Yes: /)
  t.match(yes.out, /yes {2}person {2}in admins\n/)
  t.match(yes.out, /yes {2}policy {2}rule 1: allow tools delete_\* at notes for admins, owners\n/)
  t.match(yes.out, 'The upstream says that it changes things.')
  t.match((await explain(ADA, 'read_note', '--json')).json, {
    allowed: true,
    person: { email: ADA, disabled: false, groups: ['admins'] },
    upstream: 'notes',
    tool: 'read_note',
    policy: { allowed: true, rule: null },
    scope: { allowed: true, covering: ['notes:read', 'notes'] },
  })
  t.match((await explain(ADA, 'export', '--json')).json, { allowed: false, policy: { rule: 4 } })
  t.match((await explain(ADA, 'unheard_of')).out, 'is not known to have this tool')
})

t.test('explain looks at scopes, arguments and consents', async (t) => {
  const { explain, database } = await scene(t)
  const reader = await explain(ADA, 'push', '--scopes', 'notes:read')
  t.match(reader.out, /^No: /)
  t.match(reader.out, /no {3}scope {3}has notes:read; needs notes: Tool push needs more permission/)
  t.match(reader.out, 'Some rules depend on the arguments')
  t.match((await explain(ADA, 'push', '--arguments', '{"force":true}', '--json')).json, {
    policy: { rule: 3 },
  })
  t.match((await explain(ADA, 'push', '--arguments', '{}')).out, /^Yes: /)
  const { id } = (await findByEmail(database.db, ADA)) ?? { id: '' }
  const agreed = { redirectHost: 'localhost', clientFingerprint: '', scopes: new Set(['notes:read']) }
  await remember(database.db, {
    userId: id,
    clientId: 'app',
    resource: 'http://localhost:8080/mcp/notes',
    ...agreed,
  })
  const app = await explain(ADA, 'push', '--client', 'app')
  t.match(app.out, /^No: /)
  t.match(app.out, 'what was allowed to this app on')
  t.match((await explain(ADA, 'read_note', '--client', 'app')).out, /^Yes: /)
})

t.test('explain knows who is disabled and what is held, and says what it needs', async (t) => {
  const { gatehouse, explain, database } = await scene(t, { holdNewTools: true })
  await explain(ADA, 'push')
  const { id } = (await findByEmail(database.db, ADA)) ?? { id: '' }
  const agreed = { redirectHost: 'localhost', clientFingerprint: '', scopes: new Set(['notes']) }
  await remember(database.db, {
    userId: id,
    clientId: 'app',
    resource: 'http://localhost:8080/mcp/notes',
    ...agreed,
  })
  t.match((await explain(ADA, 'push', '--client', 'app')).out, /^Yes: /)
  const later = new Date(Date.now() + 60_000)
  await database.db.updateTable('upstream_tools').set({ since: later }).where('name', '=', 'push').execute()
  t.match((await explain(ADA, 'push', '--client', 'app')).out, 'Tool push is new since access was allowed')
  await gatehouse('user', 'disable', ADA)
  t.match((await explain(ADA, 'read_note')).out, /^No: [\s\S]*no {3}person {2}is disabled/)
  await fails(
    t,
    gatehouse,
    ['explain', 'bob@example.com', 'push', '--upstream', 'notes'],
    /nobody with the address/,
  )
  await fails(
    t,
    gatehouse,
    ['explain', ADA, 'push'],
    /several upstreams: say --upstream with one of notes, mail/,
  )
  await fails(t, gatehouse, ['explain', ADA], /`gatehouse explain EMAIL TOOL`/)
  await fails(
    t,
    gatehouse,
    ['explain', ADA, 'push', '--upstream', 'notes', '--arguments', '{'],
    /--arguments is JSON/,
  )
})

t.test('it works on the embedded database, and when the upstream does not answer', async (t) => {
  const UPSTREAMS = '{"mail": {"url": "http://127.0.0.1:9/mcp"}}'
  const gatehouse = commandLine({ DATA_DIR: t.testdir(), UPSTREAMS, POLICY: '{"default": "read-only"}' })
  await gatehouse('user', 'create', ADA)
  const ran = await gatehouse('explain', ADA, 'send')
  t.match(ran.out, /^No: [\s\S]*no rule holds, and the default is read-only/)
})
