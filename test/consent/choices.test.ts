// Owns the table of what is offered, what is ticked, and how the posted answer is read.

import t from 'tap'
import { identityLines, readAnswer, scopeChoices } from '../../src/consent/choices.ts'

const NOTES = { name: 'notes', toolScopes: [] }

t.test('what the client asked for is ticked', (t) => {
  const ticked = [
    [['notes:read'], ['notes:read']],
    [['notes'], ['notes:read', 'notes']],
    [
      ['notes', 'notes:read'],
      ['notes:read', 'notes'],
    ],
    [['issues'], []],
    [[], ['notes:read']],
  ] as const
  for (const [requested, expected] of ticked) {
    const choices = scopeChoices({
      upstream: NOTES,
      requested: new Set(requested),
      tools: undefined,
      agreedAt: null,
    })
    t.strictSame(
      choices.filter(({ requested }) => requested).map(({ scope }) => scope),
      expected,
      requested.join(' '),
    )
    t.strictSame(
      choices.map(({ scope }) => scope),
      ['notes:read', 'notes'],
      'both are offered',
    )
  }
  t.end()
})

t.test('tools are listed with the least that lets them be called, and new ones are marked', (t) => {
  const tool = (name: string, readOnly: boolean, since: number) =>
    [name, { name, title: null, readOnly, destructive: !readOnly, since }] as const
  const tools = new Map([
    tool('search', true, 0),
    tool('create_note', false, 2000),
    tool('send_mail', false, 500),
  ])
  const upstream = { ...NOTES, toolScopes: [{ scope: 'notes:mail', title: 'Mail', tools: ['send_*'] }] }
  const choices = scopeChoices({ upstream, requested: new Set(['notes:mail']), tools, agreedAt: 1000 })

  t.strictSame(
    choices.map(({ scope, requested, tools }) => [
      scope,
      requested,
      tools.map(({ name, isNew }) => [name, isNew]),
    ]),
    [
      ['notes:read', false, [['search', false]]],
      ['notes:mail', true, [['send_mail', false]]],
      ['notes', false, [['create_note', true]]],
    ],
  )
  const first = scopeChoices({ upstream, requested: new Set(), tools, agreedAt: null })
  t.notOk(
    first.some(({ tools }) => tools.some(({ isNew }) => isNew)),
    'at first nothing is new',
  )
  t.end()
})

t.test('the answer is read strictly', (t) => {
  const allow = { decision: 'allow', account: 'usr_1' }
  const agreed = (...scopes: string[]) => ({ kind: 'allow', scopes: new Set(scopes) })
  const table = [
    [{ ...allow, scope: 'notes:read' }, agreed('notes:read')],
    [{ ...allow, scope: ['notes:read', 'notes'] }, agreed('notes:read', 'notes')],
    [{ ...allow, scope: ['notes:read', 'issues', 'notes:admin', 'openid'] }, agreed('notes:read')],
    [{ ...allow, scope: 'issues' }, { kind: 'deny' }],
    [allow, { kind: 'deny' }],
    [{ decision: 'deny', account: 'usr_1', scope: 'notes' }, { kind: 'deny' }],
    [{ account: 'usr_1', scope: 'notes' }, { kind: 'deny' }],
    [{ ...allow, decision: ['deny', 'allow'], scope: 'notes' }, { kind: 'deny' }],
    [{ ...allow, account: 'usr_2', scope: 'notes' }, { kind: 'other-account' }],
    [{ decision: 'allow', scope: 'notes' }, { kind: 'other-account' }],
    [undefined, { kind: 'deny' }],
    ['decision=allow', { kind: 'deny' }],
  ] as const
  for (const [body, answer] of table)
    t.same(readAnswer(body, 'usr_1', { upstreams: [NOTES] }), answer, JSON.stringify(body))
  t.end()
})

t.test('allowing a mere sign-in needs no scope', (t) => {
  t.same(readAnswer({ decision: 'allow', account: 'usr_1' }, 'usr_1', null), {
    kind: 'allow',
    scopes: new Set(),
  })
  t.end()
})

t.test('what the client learns is said in words', (t) => {
  t.strictSame(identityLines(['profile', 'email', 'unknown', 'constructor']), [
    'your name',
    'your email address',
  ])
  t.end()
})
