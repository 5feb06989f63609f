// Owns the promises about a peer whose upstream is not configured any more.

import t from 'tap'
import type { Peer } from '../../src/mcp/peer.ts'
import { createRetiring } from '../../src/upstreams/retiring.ts'
import { visitorOf } from './peers.ts'

const VISITOR = visitorOf()
const REQUEST = { method: 'tools/call', params: { name: 'slow' }, inputResponses: null, requestState: null }

function scene() {
  const answer = Promise.withResolvers<void>()
  const heard: AbortSignal[] = []
  const peer: Peer = {
    discover: async () => ({ capabilities: {}, serverInfo: null, instructions: null }),
    async request() {
      await answer.promise
      return { kind: 'result', result: { resultType: 'complete' } }
    },
    listen(_visitor, _filter, { signal }) {
      heard.push(signal)
      return new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)))
    },
  }
  let closed = 0
  const retiring = createRetiring(peer, () => closed++)
  return { retiring, answer, heard, closed: () => closed }
}

t.test('a retired peer ends what listens, finishes its calls, and is closed then', async (t) => {
  const { retiring, answer, heard, closed } = scene()
  const { signal } = new AbortController()
  const hooks = { signal, notify: () => undefined }
  const call = retiring.peer.request(VISITOR, REQUEST, hooks)
  const stream = retiring.peer.listen(VISITOR, {}, hooks)
  retiring.retire()
  await stream
  t.ok(heard[0]?.aborted, 'the upstream is told')
  t.notOk(signal.aborted, 'the client did not leave')
  t.equal(closed(), 0)
  answer.resolve()
  t.match(await call, { kind: 'result' })
  t.equal(closed(), 1)
})

t.test('one with nothing under way is closed at once, and one that is not retired never', async (t) => {
  const { retiring, closed } = scene()
  await retiring.peer.discover(VISITOR, new AbortController().signal)
  t.equal(closed(), 0)
  retiring.retire()
  t.equal(closed(), 1)
})

t.test('a client that leaves a stream ends it as before', async (t) => {
  const { retiring, heard } = scene()
  const leaving = new AbortController()
  const stream = retiring.peer.listen(VISITOR, {}, { signal: leaving.signal, notify: () => undefined })
  leaving.abort()
  await t.rejects(stream)
  t.ok(heard[0]?.aborted)
})
