// Owns the proof that the probes tell what they must and nothing else (OP-07).

import t, { type Test } from 'tap'
import { type HealthNeeds, health } from '../../src/http/health.ts'
import { BROWSER, buildPages } from '../support/pages.ts'

const WORKS = async () => {}
const FAILS = async () => {
  throw new Error('connect ECONNREFUSED to the secret database')
}
const HANGS = () => new Promise<never>(() => {})

async function probe(t: Test, url: string, needs: Partial<HealthNeeds>) {
  const app = await buildPages(t, async (app) => {
    await app.register(health, { checks: [WORKS], isDraining: () => false, timeoutMs: 50, ...needs })
  })
  const { statusCode, headers, body } = await app.inject({ url, headers: { host: BROWSER.host } })
  return { statusCode, cacheControl: headers['cache-control'], body: JSON.parse(body) }
}

const OK = { statusCode: 200, cacheControl: 'no-store', body: { status: 'ok' } }
const UNAVAILABLE = { statusCode: 503, cacheControl: 'no-store', body: { status: 'unavailable' } }

t.test('ready means that every check passes', async (t) => {
  t.strictSame(await probe(t, '/readyz', { checks: [WORKS, WORKS] }), OK)
  t.strictSame(await probe(t, '/readyz', { checks: [WORKS, FAILS] }), UNAVAILABLE)
})

t.test('a check that does not answer in time has failed', async (t) => {
  t.strictSame(await probe(t, '/readyz', { checks: [HANGS] }), UNAVAILABLE)
})

t.test('a process that is stopping takes no more traffic but is alive', async (t) => {
  const draining = { isDraining: () => true }
  t.strictSame(await probe(t, '/readyz', draining), { ...UNAVAILABLE, body: { status: 'draining' } })
  t.strictSame(await probe(t, '/healthz', draining), OK)
})

t.test('alive does not depend on anything else', async (t) => {
  t.strictSame(await probe(t, '/healthz', { checks: [FAILS] }), OK)
})
