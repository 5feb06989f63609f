// Owns the table of when a person is asked.

import t from 'tap'
import { decideConsent } from '../../src/consent/decision.ts'
import type { ConsentQuestion } from '../../src/oauth/consent-question.ts'

const REMEMBERED = {
  scopes: new Set(['notes:read']),
  redirectHost: 'app.example',
  clientFingerprint: 'as-registered',
}

/** Everything agrees: granted. */
const SAME: ConsentQuestion = {
  requested: new Set(['notes:read']),
  remembered: REMEMBERED,
  prompt: '',
  clientFingerprint: 'as-registered',
  redirectHost: 'app.example',
  redirectIsLoopback: false,
  clientIsPublicDocument: false,
  hasHeldTools: false,
}

const EVERYTHING = { ...REMEMBERED, scopes: new Set(['notes']) }
const LOCAL = { redirectHost: 'localhost', remembered: { ...REMEMBERED, redirectHost: 'localhost' } }

const TABLE: readonly (readonly [string, 'granted' | 'ask', Partial<ConsentQuestion>])[] = [
  ['what was allowed before', 'granted', {}],
  ['nothing was allowed before', 'ask', { remembered: null }],
  ['more than was allowed', 'ask', { requested: new Set(['notes']) }],
  ['something beside what was allowed', 'ask', { requested: new Set(['notes:read', 'email']) }],
  ['less than was allowed', 'granted', { remembered: EVERYTHING }],
  ['everything, which was allowed', 'granted', { remembered: EVERYTHING, requested: new Set(['notes']) }],
  ['nothing at all', 'granted', { requested: new Set() }],
  ['another upstream', 'ask', { remembered: EVERYTHING, requested: new Set(['issues:read']) }],
  ['an upstream with a longer name', 'ask', { remembered: EVERYTHING, requested: new Set(['notes2:read']) }],
  ['the client wants the question asked', 'ask', { prompt: 'consent' }],
  ['the client wants it asked among others', 'ask', { prompt: 'login consent' }],
  ['the client wants a sign-in only', 'granted', { prompt: 'login' }],
  ['no page may be shown', 'granted', { prompt: 'none' }],
  ['a prompt that only resembles it', 'granted', { prompt: 'noconsent' }],
  ['the client changed', 'ask', { clientFingerprint: 'other-name' }],
  ['the code goes elsewhere', 'ask', { redirectHost: 'evil.test' }],
  ['a registered client on this computer', 'granted', { ...LOCAL, redirectIsLoopback: true }],
  ['a published client on its own site', 'granted', { clientIsPublicDocument: true }],
  [
    'a published client on this computer, which any program can claim to be',
    'ask',
    { ...LOCAL, redirectIsLoopback: true, clientIsPublicDocument: true },
  ],
]

for (const [what, decision, difference] of TABLE) {
  t.test(`${what}: ${decision}`, (t) => {
    t.equal(decideConsent({ ...SAME, ...difference }), decision)
    t.end()
  })
}
