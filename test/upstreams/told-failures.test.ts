// Owns the promise that an operator learns why an upstream has no answer, once, and without what it said or where it is.

import t from 'tap'
import { PeerFailure } from '../../src/mcp/peer.ts'
import { SERVICE_VISITOR } from '../../src/upstreams/service-visitor.ts'
import { createUpstream } from '../../src/upstreams/settings.ts'
import { whyOf } from '../../src/upstreams/told-failures.ts'
import { openLinks } from '../support/links.ts'
import { programUpstream, script } from '../support/programs/program-upstream.ts'
import { startShop } from '../support/shop-api.ts'

t.test('each kind of trouble has its words', async (t) => {
  const told: string[] = []
  const links = openLinks(t, { failureLog: (upstream, why) => void told.push(`${upstream}: ${why}`) })
  const no = '{"jsonrpc":"2.0","id":\\1,"error":{"code":-1,"message":"no"}}'
  const refusing = { command: 'sed', args: ['-u', '-E', `s/.*"id":("[^"]*"|[0-9]+).*/${no}/`] }
  const shop = await startShop(t)
  shop.serve('nonsense')
  const signal = AbortSignal.timeout(60_000)
  const api = { url: null, headers: {}, operations: [], writes: false }
  for (const upstream of [
    programUpstream({ name: 'missing', command: '/does/not/exist' }),
    programUpstream({ name: 'dying', ...script('exit 3') }),
    programUpstream({ name: 'refusing', ...refusing }),
    createUpstream({ kind: 'sse', name: 'away', title: '', url: 'http://127.0.0.1:9/sse', headers: {} }),
    createUpstream({ kind: 'openapi', name: 'shop', title: '', document: `${shop.origin}/openapi`, ...api }),
  ]) {
    const peer = links.peerOf(upstream)
    for (let again = 0; again < 3; again++) await t.rejects(peer.discover(SERVICE_VISITOR, signal))
  }
  const says = (pattern: RegExp) =>
    t.ok(
      told.some((line) => pattern.test(line)),
      `${pattern} in ${told.join()}`,
    )
  says(
    /^missing: unreachable: The program cannot be started \(ENOENT\)\. Its command names a file that is not there\.$/,
  )
  says(/^missing: unreachable: The program failed 2 times; it is started again in 1 s\.$/)
  says(/^dying: unreachable: (EPIPE|The program is gone: it ended with code 3\.)$/)
  says(/^shop: unreachable: The document is not an object\.$/)
  t.ok(told.includes('refusing: answer: it refuses to begin a session (initialize)'), told.join())
  t.ok(told.includes('away: unreachable: ECONNREFUSED'), told.join())
  t.ok(told.every((line) => !line.includes('127.0.0.1')))
})

t.test('what a parser or the system says is not repeated', async (t) => {
  const secret = new SyntaxError('Unexpected token: s3cret')
  t.equal(whyOf(new PeerFailure('answer', { cause: secret })), 'answer')
  const refused = Object.assign(new Error('connect ECONNREFUSED 10.0.0.1:80'), { code: 'ECONNREFUSED' })
  t.equal(whyOf(new PeerFailure('unreachable', { cause: refused })), 'unreachable: ECONNREFUSED')
  t.equal(whyOf(new PeerFailure('busy', { cause: new Error('x') })), '')
})
