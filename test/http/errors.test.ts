// Owns the proof that whatever goes wrong, the answer is fit for who asked and gives nothing away (LO-03).

import t, { type Test } from 'tap'
import { OAuthError } from '../../src/oauth/errors.ts'
import { BROWSER, buildPages } from '../support/pages.ts'

const CLIENT = { host: BROWSER.host, accept: 'application/json' }
const OUTAGE = new Error('ECONNREFUSED to secret-database')

function failing(t: Test) {
  return buildPages(
    t,
    (app) => {
      app.get('/fine', async () => ({ fine: true }))
      app.get('/oauth', async () => {
        throw new OAuthError('invalid_scope', 'The scope is unknown', { detail: 'secret detail' })
      })
      app.get('/outage', async () => {
        throw OUTAGE
      })
      app.get('/bug', async () => {
        throw new Error('SELECT * FROM secret_table')
      })
      app.post('/form', async () => 'posted')
    },
    { isOutage: (error) => error === OUTAGE },
  )
}

t.test('a client gets the JSON of RFC 6749', async (t) => {
  const app = await failing(t)
  const get = (url: string) => app.inject({ url, headers: CLIENT })

  t.match(await get('/fine'), { statusCode: 200 })
  const refused = await get('/oauth')
  t.equal(refused.statusCode, 400)
  t.strictSame(refused.json(), { error: 'invalid_scope', error_description: 'The scope is unknown' })
  t.equal(refused.headers['cache-control'], 'no-store')

  const outage = await get('/outage')
  t.equal(outage.statusCode, 503)
  t.equal(outage.headers['retry-after'], '5')
  t.match(outage.json(), { error: 'temporarily_unavailable', request_id: String })

  const bug = await get('/bug')
  t.equal(bug.statusCode, 500)
  t.match(bug.json(), { error: 'server_error', request_id: String })

  const unknown = await get('/unknown')
  t.equal(unknown.statusCode, 404)
  t.match(unknown.json(), { error: 'not_found' })
})

t.test('a person gets a page', async (t) => {
  const app = await failing(t)
  const pages = [
    ['/oauth', 400, 'The scope is unknown'],
    ['/outage', 503, 'Back in a moment'],
    ['/bug', 500, 'Something went wrong'],
    ['/unknown', 404, 'There is nothing at this address'],
  ] as const
  for (const [url, status, says] of pages) {
    const page = await app.inject({ url, headers: BROWSER })
    t.equal(page.statusCode, status, url)
    t.match(page.headers, {
      'content-type': /^text\/html/,
      'x-frame-options': 'DENY',
      'cache-control': 'no-store',
    })
    t.match(page.headers['content-security-policy'], "frame-ancestors 'none'")
    t.match(page.body, says)
    t.equal(page.body.includes('<a class="button" href="/">Front page</a>'), status === 404)
  }
})

t.test('no answer holds a stack, a query or a detail', async (t) => {
  const app = await failing(t)
  for (const headers of [CLIENT, BROWSER]) {
    for (const url of ['/oauth', '/outage', '/bug']) {
      const { body } = await app.inject({ url, headers })
      t.notMatch(body, /secret|SELECT|\bat .*\.ts|node_modules/, `${url} ${headers.accept}`)
    }
  }
})

t.test('a body that is too large is refused without being repeated', async (t) => {
  const app = await failing(t)
  const post = (payload: string) =>
    app.inject({
      method: 'POST',
      url: '/form',
      headers: { ...CLIENT, 'content-type': 'application/x-www-form-urlencoded' },
      payload,
    })
  t.equal((await post('a=1')).statusCode, 200)
  const tooLarge = await post(`a=${'x'.repeat(40_000)}`)
  t.equal(tooLarge.statusCode, 413)
  t.match(tooLarge.json(), { error: 'invalid_request', error_description: 'The request is too large.' })
})

t.test('when even the page cannot be rendered, the person gets plain words', async (t) => {
  const app = await buildPages(t, (app) => {
    app.get('/bug', async () => {
      throw new Error('secret')
    })
    app.addHook('onRequest', async (_request, reply) => {
      reply.viewAsync = async () => {
        throw new Error('secret: the disk is gone')
      }
    })
  })
  const page = await app.inject({ url: '/bug', headers: BROWSER })
  t.equal(page.statusCode, 500)
  t.match(page.headers['content-type'], 'text/plain')
  t.notMatch(page.body, 'secret')
})
