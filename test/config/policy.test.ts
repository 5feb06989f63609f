// Owns what POLICY accepts, and what it says about a policy that could not mean what its operator meant.

import t from 'tap'
import { loadConfig } from '../../src/config/config.ts'
import { problemsOf } from './problems-of.ts'

const UPSTREAMS = '{"notes": {"url": "http://notes/mcp"}}'

const load = (policy: unknown) =>
  loadConfig({ UPSTREAMS, POLICY: typeof policy === 'string' ? policy : JSON.stringify(policy) })

t.test('without one there is none, and an empty one allows what MCP has', async (t) => {
  t.equal(loadConfig({ UPSTREAMS }).policy, null)
  t.match(load({}).policy, { rules: [], default: 'allow', unknownMethods: 'deny', hideUngranted: false })
})

t.test(
  'one text is a list of one, and addresses are compared without regard to their spelling',
  async (t) => {
    const { policy } = load({
      groups: { admins: ['Ada@Example.com'] },
      rules: [
        {
          upstream: 'notes',
          tools: 'delete_*',
          people: ['BOB@example.com'],
          groups: ['admins'],
          effect: 'deny',
        },
      ],
    })
    t.same(policy?.groups.get('admins'), new Set(['ada@example.com']))
    t.match(policy?.rules[0], {
      number: 1,
      upstreams: ['notes'],
      tools: ['delete_*'],
      people: new Set(['bob@example.com', 'admins']),
      clients: null,
    })
  },
)

t.test('a member that does not exist is named', async (t) => {
  const policy = (rule: object) => JSON.stringify({ rules: [{ effect: 'deny', ...rule }] })
  t.match(problemsOf({ UPSTREAMS, POLICY: policy({ tool: ['x'] }) }), [
    { at: 'rules.1', got: 'one with "tool"' },
  ])
  t.match(problemsOf({ UPSTREAMS, POLICY: '{"rule": []}' }), [{ got: 'one with "rule"' }])
  t.same(problemsOf({ UPSTREAMS, POLICY: policy({ tools: ['x'] }) }), [])
})

t.test('every mistake is named with its place', async (t) => {
  const rule = (members: object) => ({ rules: [{ effect: 'allow' }, { effect: 'deny', ...members }] })
  const table: readonly (readonly [unknown, string])[] = [
    ['{"rules": [}', 'POLICY'],
    ['[]', 'POLICY'],
    [{ rule: [] }, 'POLICY'],
    [{ rules: {} }, 'POLICY, rules'],
    [{ default: 'maybe' }, 'POLICY, default'],
    [{ unknownMethods: 'read-only' }, 'POLICY, unknownMethods'],
    [{ groups: { Admins: [] } }, 'POLICY, groups.Admins'],
    [{ groups: { admins: ['ada'] } }, 'POLICY, groups.admins.1'],
    [rule({ effect: 'forbid' }), 'POLICY, rules.2.effect'],
    [rule({ tool: ['x'] }), 'POLICY, rules.2'],
    [rule({ tools: [] }), 'POLICY, rules.2.tools'],
    [rule({ people: [] }), 'POLICY, rules.2.people'],
    [rule({ groups: ['ada@example.com'] }), 'POLICY, rules.2.groups.1'],
    [rule({ upstream: 'note' }), 'POLICY, rules.2.upstream'],
    [rule({ reason: 'two\nlines' }), 'POLICY, rules.2.reason'],
    [rule({ arguments: {} }), 'POLICY, rules.2'],
    [rule({ tools: ['x'], prompts: ['y'], arguments: {} }), 'POLICY, rules.2'],
    [rule({ tools: ['x'], arguments: { type: 'objekt' } }), 'POLICY, rules.2.arguments'],
    [rule({ tools: ['x'], arguments: { requires: ['a'] } }), 'POLICY, rules.2.arguments'],
    [rule({ tools: ['x'], arguments: { $ref: 'https://example.com/schema' } }), 'POLICY, rules.2.arguments'],
    [rule({ tools: ['x'], arguments: { anyOf: [{ $ref: '#' }] } }), 'POLICY, rules.2.arguments'],
    [
      rule({ tools: ['x'], arguments: { properties: { a: { uniqueItems: true } } } }),
      'POLICY, rules.2.arguments',
    ],
    [
      rule({ tools: ['x'], arguments: { properties: { a: { pattern: '(a)\\1' } } } }),
      'POLICY, rules.2.arguments',
    ],
    [
      rule({ tools: ['x'], arguments: { properties: { a: { pattern: '(?=a)' } } } }),
      'POLICY, rules.2.arguments',
    ],
    [rule({ tools: ['x'], arguments: { properties: { a: { pattern: '(' } } } }), 'POLICY, rules.2.arguments'],
    [
      rule({ tools: ['x'], arguments: { properties: { a: { format: 'uri' } } } }),
      'POLICY, rules.2.arguments',
    ],
  ]
  for (const [policy, place] of table) {
    const POLICY = typeof policy === 'string' ? policy : JSON.stringify(policy)
    const [first] = problemsOf({ UPSTREAMS, POLICY })
    t.equal([first?.variable, ...(first?.at ? [first.at] : [])].join(', '), place, POLICY)
  }
  t.doesNotThrow(() =>
    load(rule({ upstream: 'n*', tools: ['x'], arguments: { properties: { $ref: {}, pattern: {} } } })),
  )
})

t.test('a policy may speak of the demo upstream, which is there when there is no other', async (t) => {
  const POLICY = '{"rules": [{"upstream": "demo", "effect": "read-only"}]}'
  t.equal(loadConfig({ POLICY }).policy?.rules.length, 1)
  t.match(problemsOf({ POLICY, UPSTREAMS }), [{ variable: 'POLICY', at: 'rules.1.upstream' }])
})
