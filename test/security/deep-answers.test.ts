// Owns the proof that what an upstream nests too deeply ends nothing but its own answer: not the process, and no other server's.

import t, { type Test } from 'tap'
import { demoAt, setTown, type Town } from '../gateway/aggregate/town.ts'
import { modern, send } from '../gateway/stage.ts'
import { startHostileUpstream } from '../support/hostile-upstream.ts'
import { programSettings } from '../support/programs/program-upstream.ts'

/** `JSON.parse` reads it, and `JSON.stringify` ends on the stack. */
const TOO_DEEP = 100_000
const DEEP = 400
const nested = (levels: number) => '['.repeat(levels) + ']'.repeat(levels)

/** Of 2025-11-25. The tool `go` says something that is nested before it answers, in as many levels as it is asked for. */
const PROGRAM = `
const say = (text) => process.stdout.write(text + '\\n')
require('node:readline').createInterface({ input: process.stdin }).on('line', (line) => {
  const { id, method, params } = JSON.parse(line)
  if (id === undefined) return
  const answer = (result) => say(JSON.stringify({ jsonrpc: '2.0', id, result }))
  if (method === 'server/discover')
    return say(JSON.stringify({ jsonrpc: '2.0', id, error: { code: -32601, message: 'Method not found' } }))
  if (method === 'initialize')
    return answer({ protocolVersion: '2025-11-25', capabilities: { tools: {} }, serverInfo: { name: 'p', version: '1' } })
  if (method === 'tools/list') return answer({ tools: [{ name: 'go', inputSchema: { type: 'object' } }] })
  if (method !== 'tools/call') return answer({})
  const { levels } = params.arguments
  const nested = '['.repeat(levels) + ']'.repeat(levels)
  const token = JSON.stringify(params._meta.progressToken)
  say('{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":' + token + ',"progress":1,"message":"' + levels + ' levels","nested":' + nested + '}}')
  answer({ content: [{ type: 'text', text: 'done' }] })
})`

function go(levels: number, name = 'go') {
  const { headers, body } = modern('tools/call', { name, arguments: { levels } })
  const withToken = JSON.stringify(body).replace('"_meta":{', '"_meta":{"progressToken":"mine",')
  return { headers, body: withToken }
}

t.test('of a program', async (t) => {
  const program = programSettings({ name: 'deep', command: process.execPath, args: ['-e', PROGRAM] })
  const town = await setTown(t, [program])
  const token = await town.pass()
  const refused = await send(town, { path: '/mcp/deep', token: await own(town), ...go(TOO_DEEP) })
  t.match(refused, { status: 502, json: { error: { code: -32603 } } })
  const heard = await send(town, { path: '/mcp/deep', token: await own(town), ...go(DEEP) })
  t.match(heard.text, /400 levels.*done/s, 'what is merely deep is told')
  const several = await send(town, { path: '/mcp', token, ...go(TOO_DEEP, 'deep_go') })
  t.match(several, { status: 502 })
  t.same(town.errors, [])
})

const own = (town: Town) => town.pass({ aud: 'https://gate.example/mcp/deep' })

/** A modern server all of whose answers hold something of so many levels, as one document or as an event. */
async function serverOf(t: Test, name: string, levels: number, kind: 'json' | 'events') {
  const server = await startHostileUpstream(t)
  server.answer(({ body }, res) => {
    const { id, method } = JSON.parse(body)
    const extensions = `{"io.modelcontextprotocol/ui":{"nested":${nested(levels)}}}`
    const members =
      method === 'server/discover'
        ? `"supportedVersions":["2026-07-28"],"capabilities":{"tools":{},"extensions":${extensions}}`
        : `"tools":[{"name":"t","inputSchema":{"type":"object"},"_meta":{"nested":${nested(levels)}}}]`
    const message = `{"jsonrpc":"2.0","id":${JSON.stringify(id)},"result":{"resultType":"complete",${members}}}`
    res.writeHead(200, { 'content-type': kind === 'json' ? 'application/json' : 'text/event-stream' })
    res.end(kind === 'json' ? message : `data: ${message}\n\n`)
  })
  return { name, title: name, url: server.url, headers: {} }
}

for (const kind of ['json', 'events'] as const) {
  t.test(`of one server among several, as ${kind}`, async (t) => {
    const town = await setTown(t, [
      await demoAt(t, 'home'),
      await serverOf(t, 'deep', DEEP, kind),
      await serverOf(t, 'deeper', TOO_DEEP, kind),
    ])
    const token = await town.pass()
    const discovered = await send(town, { path: '/mcp', token, ...modern('server/discover') })
    t.match(discovered, { status: 200, json: { result: { capabilities: { tools: {} } } } })
    const listed = await send(town, { path: '/mcp', token, ...modern('tools/list') })
    t.equal(listed.status, 200)
    t.match(listed.text, '"home_hello"')
    t.match(listed.text, '"deep_t"')
    t.notMatch(listed.text, '"deeper_t"')
    t.match(listed.json, { result: { _meta: { 'gatehouse/unavailable': [{ upstream: 'deeper' }] } } })
    t.same(town.errors, [])
  })
}
