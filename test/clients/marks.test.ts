// Owns the proof that marks are the operator's alone: they survive storage, and no client can claim one.

import t from 'tap'
import {
  type ClientMarks,
  markMembers,
  marksOf,
  mayIntrospect,
  NO_MARKS,
} from '../../src/authorization-server/client-marks.ts'
import { startMinimalProvider } from '../support/minimal-provider.ts'
import { postJson } from '../support/oauth.ts'

const REDIRECT_URI = 'https://app.test/cb'
const RESOURCE = 'https://gate.test/mcp/notes'

const MARKS: ClientMarks = {
  skipConsent: true,
  scopes: new Set(['notes', 'tickets:read']),
  introspects: new Set([RESOURCE]),
}

t.test('marks are read as they were written', async (t) => {
  t.same(marksOf(markMembers(MARKS)), MARKS)
  t.same(marksOf(markMembers({ ...MARKS, introspects: null })), { ...MARKS, introspects: null })
  t.same(markMembers(NO_MARKS), {})
  t.same(marksOf({}), NO_MARKS)
})

t.test('what is not readable as a mark grants nothing', async (t) => {
  t.same(
    marksOf({
      'gatehouse:skip_consent': 'true',
      'gatehouse:scope': ['notes'],
      'gatehouse:introspects': 'https://gate.test/mcp',
    }),
    NO_MARKS,
  )
})

t.test(
  'a resource server may introspect what is for it, one of all resources any, another client none',
  async (t) => {
    t.ok(mayIntrospect(MARKS, RESOURCE))
    t.notOk(mayIntrospect(MARKS, `${RESOURCE}2`))
    t.ok(mayIntrospect({ ...MARKS, introspects: null }, `${RESOURCE}2`))
    t.notOk(mayIntrospect(NO_MARKS, RESOURCE))
  },
)

t.test('a client keeps its marks through storage, and a stranger gets none by asking', async (t) => {
  const claimed = { client_name: 'App', redirect_uris: [REDIRECT_URI], ...markMembers(MARKS) }
  const { origin, provider, close } = await startMinimalProvider({
    clients: [{ client_id: 'ours', ...claimed }],
  })
  t.teardown(close)
  const { status, body } = await postJson(`${origin}/register`, claimed)
  t.equal(status, 201)
  t.notOk(Object.keys(body).some((member) => member.startsWith('gatehouse:')))
  const stranger = await provider.Client.find(String(body.client_id))
  t.same(marksOf(stranger?.metadata() ?? {}), NO_MARKS)

  const ours = await provider.Client.find('ours')
  t.same(marksOf(ours?.metadata() ?? {}), MARKS)
})
