// Owns the proof that nothing is answered under a foreign name (TR-11, TR-12).

import { connect } from 'node:net'
import { text } from 'node:stream/consumers'
import type { FastifyInstance } from 'fastify'
import t, { type Test } from 'tap'
import { health } from '../../src/http/health.ts'
import { createHostCheck } from '../../src/http/host.ts'
import { buildPages, PUBLIC_URL } from '../support/pages.ts'

/** The status line and the rest of the answer to exactly these header lines. */
async function send(app: FastifyInstance, target: string, headerLines: readonly string[]) {
  const { port } = new URL(app.listeningOrigin)
  const socket = connect(Number(port), '127.0.0.1')
  socket.end([`GET ${target} HTTP/1.1`, ...headerLines, 'Connection: close', '', ''].join('\r\n'))
  const answer = await text(socket)
  return { status: Number(answer.split(' ')[1]), answer }
}

async function listening(t: Test) {
  const app = await buildPages(t, async (app) => {
    app.get('/known', async () => 'fine')
    await app.register(health, { checks: [], isDraining: () => false })
  })
  await app.listen({ port: 0, host: '127.0.0.1' })
  return app
}

t.test('only our own host is answered', async (t) => {
  const app = await listening(t)
  const ours = ['Host: localhost:8080']
  const accepted = [
    ['/known', ours],
    ['/known', ['host: LOCALHOST:8080']],
    [`${PUBLIC_URL}/known`, ours],
    ['/known', [...ours, 'X-Forwarded-Host: evil.test', 'Forwarded: host=evil.test']],
  ] as const
  for (const [target, lines] of accepted) {
    t.equal((await send(app, target, lines)).status, 200, `${target} ${lines.join(', ')}`)
  }
  const foreign = [
    ['/known', ['Host: evil.test']],
    ['/known', ['Host: localhost']],
    ['/known', ['Host: localhost:8081']],
    ['/known', ['Host: 127.0.0.1:8080']],
    ['/known', ['Host: localhost:8080.evil.test']],
    ['/known', ['Host: localhost:8080@evil.test']],
    ['/known', ['Host: localhost:8080, evil.test']],
    ['/known', ['Host: ']],
    ['/known', [...ours, 'Host: evil.test']],
    ['/known', ['Host: evil.test', ...ours]],
    ['/known', [...ours, ...ours]],
    ['http://evil.test/known', ours],
    ['http://localhost:8080@evil.test/known', ours],
    ['http://evil@localhost:8080/known', ours],
    ['/unknown', ['Host: evil.test']],
    ['/healthz/../known', ['Host: evil.test']],
    ['/known?/healthz', ['Host: evil.test', 'X-Forwarded-Host: localhost:8080']],
  ] as const
  for (const [target, lines] of foreign) {
    const { status, answer } = await send(app, target, lines)
    t.equal(status, 421, `${target} ${lines.join(', ')}`)
    t.match(answer, PUBLIC_URL, 'says where to go')
    t.notMatch(answer, 'evil.test', 'repeats nothing')
  }
})

t.test('a request without a Host header is refused', async (t) => {
  const app = await listening(t)
  t.equal((await send(app, '/known', [])).status, 400)
  t.equal((await send(app, '/known', ['Host: localhost:8080'])).status, 200)
})

t.test('probes may come by any name', async (t) => {
  const app = await listening(t)
  for (const target of ['/healthz', '/readyz', '/healthz?from=kubelet']) {
    t.equal((await send(app, target, ['Host: 10.0.0.7:8080'])).status, 200, target)
  }
})

t.test('a browser under a foreign name is told in plain text, a client in JSON', async (t) => {
  const app = await buildPages(t)
  const headers = { host: 'evil.test', accept: 'text/html' }
  const page = await app.inject({ url: '/', headers })
  t.equal(page.statusCode, 421)
  t.match(page.headers, { 'content-type': 'text/plain; charset=utf-8', 'x-content-type-options': 'nosniff' })
  const json = await app.inject({ url: '/', headers: { host: 'evil.test' } })
  t.match(json.json(), { error: 'misdirected_request', error_description: /http:\/\/localhost:8080/ })
})

t.test('the default port may be written or left out', (t) => {
  const hosts = [
    ['https://gate.example', 'gate.example', true],
    ['https://gate.example', 'gate.example:443', true],
    ['https://gate.example', 'gate.example:80', false],
    ['http://localhost', 'localhost:80', true],
    ['http://localhost', 'localhost:443', false],
    ['https://gate.example:8443', 'gate.example:8443', true],
    ['https://gate.example:8443', 'gate.example', false],
    ['http://[::1]:8080', '[::1]:8080', true],
  ] as const
  for (const [publicUrl, host, isOurs] of hosts) {
    t.equal(
      createHostCheck(publicUrl)({ rawHeaders: ['Host', host], url: '/' }),
      isOurs,
      `${host} at ${publicUrl}`,
    )
  }
  t.end()
})
