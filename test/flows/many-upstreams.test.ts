// Owns the proof that a service with many upstreams starts, is ready and lists the tools of most, while some are down or hang.

import t from 'tap'
import { modern } from '../gateway/stage.ts'
import { build } from '../support/gatehouse.ts'
import { json, startHostileUpstream } from '../support/hostile-upstream.ts'
import { connect } from '../support/sign-in.ts'

const ALICE = 'alice@example.com'
const WELL = Array.from({ length: 15 }, (_, n) => `well${n}`)
const DOWN = ['down0', 'down1', 'down2']
const HANGING = ['hanging0', 'hanging1']
const LIST = { tools: [{ name: 'fine', inputSchema: { type: 'object' } }], ttlMs: 0, cacheScope: 'private' }
const ABOUT = {
  supportedVersions: ['2026-07-28'],
  capabilities: { tools: {} },
  ttlMs: 0,
  cacheScope: 'private',
}

t.test('five of twenty upstreams are away, and everything else is there', async (t) => {
  const [well, hanging] = [await startHostileUpstream(t), await startHostileUpstream(t)]
  hanging.answer(() => undefined)
  well.answer(({ body }, res) => {
    const { id, method } = JSON.parse(body)
    const result = method === 'server/discover' ? ABOUT : method === 'tools/list' ? LIST : null
    if (result) json(res, 200, { jsonrpc: '2.0', id, result: { resultType: 'complete', ...result } })
    else
      json(res, 400, { jsonrpc: '2.0', id, error: { code: -32022, message: 'no', data: { supported: [] } } })
  })
  const at = (names: readonly string[], url: string) => names.map((name) => [name, { url }] as const)
  const upstreams = Object.fromEntries([
    ...at(WELL, well.url),
    ...at(DOWN, 'http://127.0.0.1:9/mcp'),
    ...at(HANGING, hanging.url),
  ])
  const began = performance.now()
  const { origin, createPerson, browser } = await build(t, { env: { UPSTREAMS: JSON.stringify(upstreams) } })
  t.ok(performance.now() - began < 10_000, 'the start waits for none of them')
  t.equal((await fetch(`${origin}/readyz`)).status, 200)
  await createPerson(ALICE)
  const scope = Object.keys(upstreams).join(' ')
  const { accessToken } = await connect(origin, browser(), ALICE, { parameters: { scope } })
  const { body, headers } = modern('tools/list')
  const response = await fetch(`${origin}/mcp`, {
    method: 'POST',
    headers: {
      ...headers,
      accept: 'application/json, text/event-stream',
      'content-type': 'application/json',
      authorization: `Bearer ${accessToken}`,
    },
    body: JSON.stringify(body),
  })
  const text = await response.text()
  for (const name of WELL) t.match(text, `"${name}_fine"`)
  for (const name of DOWN) t.match(text, `{"upstream":"${name}","reason":"unreachable"`)
  for (const name of HANGING) t.match(text, `{"upstream":"${name}","reason":"timed_out"`)
  t.equal((await fetch(`${origin}/readyz`)).status, 200, 'they are no reason to take it out of service')
})
