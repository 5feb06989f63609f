// Owns the table of what known revocations say about a token.

import t from 'tap'
import { createKnownRevocations, type Subject } from '../../src/authorization-server/known-revocations.ts'
import type { Revocation } from '../../src/storage/revocation-changes.ts'
import { SLACK_SECONDS } from '../../src/storage/revocations.ts'

const NOW = 1_800_000_000
const TOKEN: Subject = { grantId: 'grant-1', subject: 'usr_1', clientId: 'client-1', issuedAt: NOW }

function revocation(given: Partial<Revocation>): Revocation {
  return { kind: 'grant', subject: 'grant-1', issuedUntil: null, revokedAt: NOW, secondsLeft: 60, ...given }
}

const CASES: readonly (readonly [sentence: string, Partial<Revocation>, Partial<Subject>, boolean])[] = [
  ['its grant', {}, {}, true],
  ['another grant', { subject: 'grant-2' }, {}, false],
  ['its grant, before it was issued', { revokedAt: NOW - 5 }, {}, true],
  ['a grant, when it has none', {}, { grantId: null }, false],
  ['its person', { kind: 'account', subject: 'usr_1' }, {}, true],
  ['another person', { kind: 'account', subject: 'usr_2' }, {}, false],
  ['a person who has the name of its grant', { kind: 'account', subject: 'grant-1' }, {}, false],
  [
    'its person, who was enabled later',
    { kind: 'account', subject: 'usr_1', issuedUntil: NOW + 9 },
    {},
    true,
  ],
  ['its person, in the very second', { kind: 'account', subject: 'usr_1', issuedUntil: NOW }, {}, true],
  ['its person, enabled before', { kind: 'account', subject: 'usr_1', issuedUntil: NOW - 1 }, {}, false],
  ['its client', { kind: 'client', subject: 'client-1' }, {}, true],
  ['its client, without a grant', { kind: 'client', subject: 'client-1' }, { grantId: null }, true],
  ['another client', { kind: 'client', subject: 'client-2' }, {}, false],
  ['everything, afterwards', { kind: 'all', subject: '', issuedUntil: NOW + 5 }, {}, true],
  ['everything, before', { kind: 'all', subject: '', issuedUntil: NOW - 1 }, {}, false],
  [
    'everything, and it has no date',
    { kind: 'all', subject: '', issuedUntil: NOW - 1 },
    { issuedAt: 0 },
    true,
  ],
]

for (const [sentence, given, token, refused] of CASES) {
  t.test(`a token is ${refused ? 'refused' : 'good'} after a revocation of ${sentence}`, async (t) => {
    const known = createKnownRevocations(() => 0)
    known.add([revocation(given)])
    t.equal(known.isRevoked({ ...TOKEN, ...token }), refused)
  })
}

t.test('a revocation is forgotten when the tokens that it is about have expired', async (t) => {
  let now = 0
  const known = createKnownRevocations(() => now)
  known.add([revocation({ secondsLeft: 60 })])
  t.equal(known.isRevoked(TOKEN), true)
  now = 60_000
  t.equal(known.isRevoked(TOKEN), false)
  t.equal(known.size(), 1)
  known.prune()
  t.equal(known.size(), 0)
})

t.test('a note of our own does not shorten what the database said', async (t) => {
  let now = 0
  const known = createKnownRevocations(() => now)
  known.add([revocation({ secondsLeft: 60 })])
  known.note('grant-1', 10)
  known.note('grant-2', 10)
  t.equal(known.isRevoked({ ...TOKEN, grantId: 'grant-2' }), true)
  now = 20_000
  t.equal(known.isRevoked(TOKEN), true)
  t.equal(
    known.isRevoked({ ...TOKEN, grantId: 'grant-2' }),
    false,
    'and is taken back when it was never written',
  )
})

t.test('of more than there is room for the oldest go, and what they may be about is not known', async (t) => {
  const known = createKnownRevocations(() => 0, 2)
  known.add([revocation({ subject: 'old', revokedAt: NOW - 3600 })])
  known.add([revocation({ subject: 'newer', revokedAt: NOW - 100 })])
  t.equal(known.isRevoked({ ...TOKEN, issuedAt: NOW - 4000 }), false, 'everything is known yet')
  known.add([revocation({ subject: 'newest', revokedAt: NOW })])

  t.equal(known.size(), 2)
  t.equal(known.isRevoked({ ...TOKEN, grantId: 'old', issuedAt: NOW - 4000 }), null)
  t.equal(
    known.isRevoked({ ...TOKEN, issuedAt: NOW - 3600 + SLACK_SECONDS }),
    null,
    'nor about another of that age',
  )
  t.equal(known.isRevoked({ ...TOKEN, issuedAt: NOW - 3600 + SLACK_SECONDS + 1 }), false)
  t.equal(known.isRevoked({ ...TOKEN, grantId: 'newest' }), true)
})

t.test('a full answer may have left out older ones', async (t) => {
  const known = createKnownRevocations(() => 0, 2)
  known.add([
    revocation({ subject: 'b', revokedAt: NOW }),
    revocation({ subject: 'a', revokedAt: NOW - 3600 }),
  ])
  t.equal(known.isRevoked({ ...TOKEN, issuedAt: NOW - 4000 }), null)
  t.equal(known.isRevoked(TOKEN), false)
  t.equal(known.isRevoked({ ...TOKEN, grantId: 'a', issuedAt: NOW - 4000 }), true)
})
