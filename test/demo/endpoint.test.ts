// Owns the proof that the demo upstream keeps strangers out, bounds what it reads, and lets go of what nobody waits for.

import { request as httpRequest } from 'node:http'
import { McpServer } from '@modelcontextprotocol/server'
import t from 'tap'
import { createEndpoint } from '../../src/demo/endpoint.ts'
import { listen } from '../../src/demo/listen.ts'
import { startDemoUpstream } from '../../src/demo/server.ts'
import { CLIENTS } from './clients.ts'
import { INITIALIZE, openSession, post } from './wire.ts'

/** `fetch` does not let a caller choose the Host header. */
function statusFor(url: string, headers: Record<string, string>): Promise<number | undefined> {
  const accepted = { 'content-type': 'application/json', accept: 'application/json, text/event-stream' }
  return new Promise((resolve, reject) => {
    const sent = httpRequest(url, { method: 'POST', headers: { ...accepted, ...headers } }, (answer) => {
      answer.resume()
      resolve(answer.statusCode)
    })
    sent.once('error', reject)
    sent.end(JSON.stringify(INITIALIZE))
  })
}

t.test('on loopback, a foreign Host or Origin is refused', async (t) => {
  const demo = await startDemoUpstream()
  t.teardown(() => demo.close())
  t.equal(await statusFor(demo.url, { host: 'evil.example' }), 403)
  t.equal(await statusFor(demo.url, { origin: 'http://evil.example' }), 403)
  t.equal(await statusFor(demo.url, { host: 'localhost', origin: 'http://localhost:6274' }), 200)
})

t.test('on a network, any Host reaches it, but no foreign Origin', async (t) => {
  const demo = await startDemoUpstream({ host: '0.0.0.0' })
  t.teardown(() => demo.close())
  t.match(demo.url, /^http:\/\/127\.0\.0\.1:\d+\/mcp$/)
  t.equal(await statusFor(demo.url, { host: 'demo:3000' }), 200)
  t.equal(await statusFor(demo.url, { host: 'demo:3000', origin: 'http://evil.example' }), 403)
})

t.test('a body that is not JSON, or too large, is refused before anything reads it', async (t) => {
  const demo = await startDemoUpstream()
  t.teardown(() => demo.close())
  t.equal((await post(demo.url, 'nonsense')).status, 400)
  t.equal((await post(demo.url, '')).status, 400)
  const huge = JSON.stringify({ ...INITIALIZE, padding: 'x'.repeat(4 * 1024 * 1024) })
  t.equal((await post(demo.url, huge)).status, 413)
  t.equal((await post(demo.url, INITIALIZE)).status, 200)
})

t.test('other paths are not served, and the health check is', async (t) => {
  const demo = await startDemoUpstream()
  t.teardown(() => demo.close())
  t.equal((await fetch(new URL('/', demo.url))).status, 404)
  t.equal(await (await fetch(new URL('/healthz', demo.url))).text(), 'ok\n')
})

for (const [name, connect] of CLIENTS) {
  t.test(`${name}: a cancelled call is aborted in its handler`, async (t) => {
    const aborted = Promise.withResolvers<void>()
    const started = Promise.withResolvers<void>()
    const endpoint = createEndpoint(() => {
      const server = new McpServer({ name: 'waiting', version: '1.0.0' })
      server.registerTool('wait', { description: 'Waits until it is cancelled' }, async (ctx) => {
        started.resolve()
        ctx.mcpReq.signal.addEventListener('abort', () => aborted.resolve())
        await aborted.promise
        return { content: [] }
      })
      return server
    })
    const listening = await listen(endpoint, '127.0.0.1', 0)
    t.teardown(() => listening.close())
    const client = await connect(listening.url, null)
    t.teardown(() => client.close())
    const leaving = new AbortController()

    const call = client.call('wait', {}, { signal: leaving.signal })
    await started.promise
    leaving.abort()
    await t.rejects(call)
    await t.resolves(aborted.promise)
  })
}

t.test('an upstream of one era answers the other as if it had never heard of it', async (t) => {
  const build = () => new McpServer({ name: 'one-era', version: '1.0.0' })
  const modern = await listen(createEndpoint(build, { eras: new Set(['modern'] as const) }), '127.0.0.1', 0)
  t.teardown(() => modern.close())
  const legacy = await listen(createEndpoint(build, { eras: new Set(['legacy'] as const) }), '127.0.0.1', 0)
  t.teardown(() => legacy.close())

  const refused = await post(modern.url, INITIALIZE)
  t.equal(refused.status, 400)
  t.match(await refused.text(), '-32022')
  t.match(await openSession(legacy.url), { 'mcp-session-id': /./ })
})
