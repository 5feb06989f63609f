// Owns the proof that the proxy of the conformance run adds a token and changes nothing else that a scenario looks at.

import { once } from 'node:events'
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http'
import t, { type Test } from 'tap'
import { startTokenProxy } from './token-proxy.ts'

type Handler = (req: IncomingMessage, res: ServerResponse) => void

async function start(t: Test, handler: Handler, token: string | null = 'secret') {
  const server = createServer(handler)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => server.closeAllConnections())
  t.teardown(() => server.close())
  const address = server.address()
  const target = `http://localhost:${address !== null && typeof address === 'object' ? address.port : 0}/mcp`
  const proxy = await startTokenProxy(target, token)
  t.teardown(() => proxy.close())
  return { proxy: proxy.url, target }
}

const echo: Handler = (req, res) => void res.end(JSON.stringify(req.headers))

function send(url: string, headers: Record<string, string>): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    request(url, { headers }, resolve).once('error', reject).end()
  })
}

async function bodyOf(answer: IncomingMessage): Promise<Record<string, string>> {
  return JSON.parse((await answer.toArray()).join(''))
}

t.test('a token is added, or nothing', async (t) => {
  const withToken = await start(t, echo)
  t.equal((await bodyOf(await send(withToken.proxy, {}))).authorization, 'Bearer secret')
  const without = await start(t, echo, null)
  t.equal((await bodyOf(await send(without.proxy, {}))).authorization, undefined)
})

t.test(
  'the own Host and Origin become those of the target, foreign ones arrive as they were sent',
  async (t) => {
    const { proxy, target } = await start(t, echo)
    const { host, origin } = new URL(proxy)
    const own = await bodyOf(await send(proxy, { host, origin }))
    t.match(own, { host: new URL(target).host, origin: new URL(target).origin })
    const foreign = await bodyOf(await send(proxy, { host: 'evil.example', origin: 'http://evil.example' }))
    t.match(foreign, { host: 'evil.example', origin: 'http://evil.example' })
  },
)

t.test('headers and events come as they are sent, not at the end', async (t) => {
  const { proxy } = await start(t, (_req, res) => {
    res.writeHead(200, { 'content-type': 'text/event-stream' }).flushHeaders()
    setImmediate(() => res.write('data: 1\n\n'))
  })
  const answer = await send(proxy, {})
  t.equal(answer.headers['content-type'], 'text/event-stream')
  const [event] = await once(answer, 'data')
  t.equal(String(event), 'data: 1\n\n')
  answer.destroy()
})

t.test('a client that leaves takes its request with it', async (t) => {
  const left = Promise.withResolvers<void>()
  const { proxy } = await start(t, (_req, res) => {
    res.once('close', () => left.resolve())
    res.flushHeaders()
  })
  const answer = await send(proxy, {})
  answer.destroy()
  await t.resolves(left.promise)
})
