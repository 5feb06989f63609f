// Owns the table of what the operator's policy says: which rule decides, about whom, and about what.

import t from 'tap'
import { loadConfig } from '../../src/config/config.ts'
import { readMessages } from '../../src/gateway/message.ts'
import { rulesFor, type Who } from '../../src/gateway/policy/bounds.ts'
import { findForbidden } from '../../src/gateway/policy/forbidden.ts'
import { judge } from '../../src/gateway/policy/judge.ts'
import { ANY_ARGUMENTS, use, usesOf } from '../../src/gateway/policy/uses.ts'
import { groupsOf, type Policy } from '../../src/oauth/policy.ts'
import { call } from './stage.ts'

const UPSTREAMS = '{"notes": {"url": "http://notes/mcp"}, "mail": {"url": "http://mail/mcp"}}'

function policyOf(document: unknown): Policy {
  const { policy } = loadConfig({ UPSTREAMS, POLICY: JSON.stringify(document) })
  if (!policy) throw new Error('no policy')
  return policy
}

interface Asked {
  readonly groups?: readonly string[]
  readonly clientId?: string
  readonly upstream?: string
}

/** `yes` or `no`, and by what: the number of a rule, or the reason. */
function verdict(policy: Policy, message: object, asked: Asked = {}): string {
  const { groups = [], clientId = 'client-1', upstream = 'notes' } = asked
  const caller: Who = { groups: new Set(groups), clientId }
  const messages = readMessages(Buffer.from(JSON.stringify(message)), false, { maxDepth: 100, maxBatch: 1 })
  const isReadOnly = (name: string) => name.startsWith('read')
  const rules = rulesFor(policy, upstream, caller)
  const said = messages.flatMap(usesOf).map((each) => judge(policy, rules, each, isReadOnly))
  const decisive = said.find(({ allowed }) => !allowed) ?? said.at(-1)
  const question = { policy, upstream: { name: upstream }, caller, messages }
  t.equal(findForbidden(question, isReadOnly) === null, decisive?.allowed, 'one answer for both')
  return `${decisive?.allowed ? 'yes' : 'no'}: ${decisive?.rule?.number ?? decisive?.by}`
}

const tool = (name: string, args: unknown = {}) => call('tools/call', { name, arguments: args })
const read = (uri: string) => call('resources/read', { uri })

t.test('the first rule that holds decides, and the default where none does', async (t) => {
  const policy = policyOf({
    rules: [
      { upstream: 'notes', tools: ['delete_draft'], effect: 'allow' },
      { upstream: 'notes', tools: ['delete_*'], effect: 'deny' },
      { upstream: 'mail', effect: 'read-only' },
      { tools: ['delete_all'], effect: 'allow' },
    ],
  })
  t.equal(verdict(policy, tool('delete_draft')), 'yes: 1')
  t.equal(verdict(policy, tool('delete_all')), 'no: 2', 'however exactly a later one names it')
  t.equal(verdict(policy, tool('DELETE_ALL')), 'yes: default', 'names are compared as they are')
  t.equal(verdict(policy, tool('read_mail'), { upstream: 'mail' }), 'yes: 3')
  t.equal(verdict(policy, tool('send_mail'), { upstream: 'mail' }), 'no: 3')
  t.equal(verdict(policy, tool('delete_all'), { upstream: 'mail' }), 'no: 3')
  t.equal(verdict(policy, read('a:b'), { upstream: 'mail' }), 'yes: 3')
  const strict = policyOf({ default: 'deny', rules: [{ tools: ['read_*'], effect: 'allow' }] })
  t.equal(verdict(strict, tool('read_note')), 'yes: 1')
  t.equal(verdict(strict, tool('write_note')), 'no: default')
  t.equal(verdict(strict, read('a:b')), 'no: default')
  t.equal(verdict(policyOf({ default: 'read-only' }), tool('write_note')), 'no: default')
  t.equal(verdict(policyOf({ default: 'read-only' }), tool('read_note')), 'yes: default')
})

t.test('a rule is about people, about groups, about clients, or about everybody', async (t) => {
  const policy = policyOf({
    groups: { admins: ['Ada@Example.com'] },
    rules: [
      { tools: ['delete_*'], groups: ['admins', 'interns'], clients: ['claude*'], effect: 'allow' },
      { tools: ['delete_*'], people: ['BOB@example.com'], effect: 'allow' },
      { tools: ['delete_*'], effect: 'deny' },
      { tools: ['read_*'], groups: ['interns'], effect: 'deny' },
    ],
  })
  const as = (groups: readonly string[], clientId?: string) =>
    verdict(policy, tool('delete_note'), { groups, ...(clientId && { clientId }) })
  t.equal(as(groupsOf(policy, { email: 'ada@example.COM', groups: [] }), 'claude-code'), 'yes: 1')
  t.equal(as(groupsOf(policy, { email: 'ada@example.COM', groups: [] })), 'no: 3', 'the client counts too')
  t.equal(as(groupsOf(policy, { email: 'bob@example.com', groups: [] })), 'yes: 2')
  t.equal(as(groupsOf(policy, { email: 'eve@example.com', groups: ['interns'] }), 'claude-code'), 'yes: 1')
  t.equal(as([]), 'no: 3', 'a machine is nobody')
  t.equal(verdict(policy, tool('read_note'), { groups: ['interns'] }), 'no: 4')
  t.equal(verdict(policy, tool('read_note')), 'yes: default')
})

t.test('prompts, resources and methods have rules of their own', async (t) => {
  const policy = policyOf({
    rules: [
      { prompts: ['draft_*'], effect: 'deny' },
      { resources: ['file:///public/*'], effect: 'allow' },
      { resources: ['file:///*'], effect: 'deny' },
      { methods: ['vendor/ask', 'logging/*'], effect: 'allow' },
      { methods: ['completion/complete', 'tasks/*'], effect: 'read-only' },
      { methods: ['resources/list'], effect: 'deny' },
    ],
  })
  const table: readonly (readonly [object, string])[] = [
    [call('prompts/get', { name: 'draft_mail' }), 'no: 1'],
    [call('prompts/get', { name: 'other' }), 'yes: default'],
    [call('completion/complete', { ref: { type: 'ref/prompt', name: 'draft_mail' } }), 'no: 1'],
    [call('completion/complete', { ref: { type: 'ref/prompt', name: 'other' } }), 'yes: 5'],
    [call('completion/complete', { ref: { type: 'ref/resource', uri: 'file:///etc/{x}' } }), 'no: 3'],
    [call('completion/complete', { ref: { type: 'ref/Prompt', name: 'draft_mail' } }), 'no: 1'],
    [
      call('completion/complete', { ref: { type: 'ref/prompt', name: 'other', uri: 'file:///etc/{x}' } }),
      'no: 3',
    ],
    [
      call('completion/complete', {
        ref: { type: 'ref/resource', uri: 'file:///public/{x}', name: 'draft_a' },
      }),
      'no: 1',
    ],
    [call('completion/complete', { ref: { type: 'ref/resource', uri: 'file:///public/{x}' } }), 'yes: 2'],
    [read('file:///public/a'), 'yes: 2'],
    [read('file:///etc/passwd'), 'no: 3'],
    [call('resources/subscribe', { uri: 'file:///etc/passwd' }), 'no: 3'],
    [read('file:///public/../etc/passwd'), 'no: ambiguous URI'],
    [read('file:///public/%2E./etc/passwd'), 'no: ambiguous URI'],
    [read('file:///public/a..b'), 'yes: 2'],
    [read('https://example.com/'), 'yes: default'],
    [call('subscriptions/listen', { notifications: { toolsListChanged: true } }), 'yes: protocol'],
    [
      call('subscriptions/listen', {
        notifications: { resourceSubscriptions: ['file:///public/a', 'file:///etc/passwd'] },
      }),
      'no: 3',
    ],
    [call('vendor/ask'), 'yes: 4'],
    [call('vendor/tell'), 'no: unknown method'],
    [call('notifications/vendor'), 'yes: protocol'],
    [call('tasks/get', { taskId: '1' }), 'yes: 5'],
    [call('tasks/cancel', { taskId: '1' }), 'no: 5'],
    [call('resources/list'), 'no: 6'],
    [call('tools/list'), 'yes: protocol'],
    [call('initialize'), 'yes: protocol'],
  ]
  for (const [message, expected] of table)
    t.equal(verdict(policy, message), expected, JSON.stringify(message))
  t.equal(verdict(policyOf({ unknownMethods: 'allow' }), call('vendor/tell')), 'yes: unknown method')
  t.equal(verdict(policyOf({ default: 'deny' }), call('server/discover')), 'yes: protocol')
  const closed = policyOf({ rules: [{ effect: 'deny' }] })
  t.equal(verdict(closed, call('tools/list')), 'yes: protocol', 'finding out is not using')
  t.equal(verdict(closed, call('tools/call', {})), 'no: 1', 'a tool without a name is one')
})

t.test('a resource is the same in all of its spellings', async (t) => {
  const open = policyOf({
    rules: [
      { resources: ['file:///secret/*', 'https://h.example/secret*', 'note://secret'], effect: 'deny' },
    ],
  })
  const spellings = [
    'file:///secret/a',
    'FILE:///secret/a',
    'file:/secret/a',
    'file:secret/a',
    'file:\\\\\\secret\\a',
    'file://localhost/secret/a',
    'file://elsewhere/secret/a',
    'file:////secret//a',
    'file:///%73ecret/a',
    'file:///secret%2Fa',
    'file:///secret%2f%ff',
    'HTTPS://H.EXAMPLE:443/secret',
    'https://h.example/%73ecret/b?c=d',
    'NOTE://secret',
    'note://secret#part',
  ]
  for (const uri of spellings) t.equal(verdict(open, read(uri)), 'no: 1', uri)
  for (const uri of ['file:///secrets', 'https://h.example/public', 'note://SECRET', 'note://secrets'])
    t.equal(verdict(open, read(uri)), 'yes: default', uri)

  const allowed = ['file:///public/*', 'https://h.example*', 'https://*.h.example', 'note://a%2Fb', 'x:%2A']
  const closed = policyOf({ default: 'deny', rules: [{ resources: allowed, effect: 'allow' }] })
  const fine = [
    'file:///public/a',
    'file:///public/my%20file',
    'file:///public/{name}',
    'https://h.example',
    'https://h.example/a b?c=%2F',
    'https://www.h.example',
    'note://a%2Fb',
    'x:%2A',
  ]
  for (const uri of fine) t.equal(verdict(closed, read(uri)), 'yes: 1', uri)
  const ambiguous = [
    'file:///public/.\t./secret/a',
    'file:///public/.%2\n5/a',
    'file:///public/%252e%252e/secret/a',
    'file:///public/a ',
  ]
  for (const uri of ambiguous) t.equal(verdict(closed, read(uri)), 'no: ambiguous URI', JSON.stringify(uri))
  for (const uri of ['note://a/b', 'x:anything', 'file:///secret/a#/public/', 'FILE:///public/a'])
    t.equal(verdict(closed, read(uri)), 'no: default', uri)
})

t.test(
  'a condition on arguments holds for some calls, and a list shows what some call may use',
  async (t) => {
    const own = {
      type: 'object',
      properties: { repo: { pattern: '^acme/' }, branch: { pattern: '^(main|dev)$' } },
      required: ['repo'],
    }
    const policy = policyOf({
      rules: [
        { tools: ['push'], arguments: own, effect: 'allow' },
        { tools: ['push'], effect: 'deny' },
        { tools: ['merge'], arguments: { required: ['force'] }, effect: 'deny', reason: 'No force.' },
        { tools: ['build'], arguments: { required: ['constructor'] }, effect: 'deny' },
      ],
    })
    t.equal(verdict(policy, tool('push', { repo: 'acme/site' })), 'yes: 1')
    t.equal(verdict(policy, tool('push', { repo: 'evil/site' })), 'no: 2')
    t.equal(verdict(policy, tool('push', { repo: 'acme/site', branch: 'dev' })), 'yes: 1')
    t.equal(verdict(policy, tool('push', { repo: 'acme/site', branch: 'acme/' })), 'no: 2')
    t.equal(verdict(policy, tool('push')), 'no: 2')
    t.equal(verdict(policy, tool('push', ['acme/'])), 'no: 1', 'what has no members cannot be judged')
    t.equal(verdict(policy, tool('merge', { force: false })), 'no: 3')
    t.equal(verdict(policy, tool('merge', {})), 'yes: default')
    t.equal(verdict(policy, tool('build', { constructor: 'x' })), 'no: 4')
    t.equal(verdict(policy, tool('build', {})), 'yes: default', 'what every object has, nobody sent')
    const any = (name: string) => {
      const rules = rulesFor(policy, 'notes', { groups: new Set(), clientId: '' })
      const asked = { ...use('tool', name, 'tools/call'), arguments: ANY_ARGUMENTS }
      return judge(policy, rules, asked, () => false).allowed
    }
    t.ok(any('push'))
    t.ok(any('merge'))
  },
)

t.test('arguments that a client made to be slow are judged in no time', async (t) => {
  const slow = {
    properties: { text: { pattern: '^(a|a)*$' }, more: { pattern: '(x+x+)+y' } },
    required: ['text'],
  }
  const policy = policyOf({ rules: [{ tools: ['push'], arguments: slow, effect: 'allow' }] })
  const began = performance.now()
  t.equal(
    verdict(policy, tool('push', { text: `${'a'.repeat(30_000)}!`, more: 'x'.repeat(30_000) })),
    'yes: default',
  )
  t.equal(verdict(policy, tool('push', { text: 'a'.repeat(30_000), more: 'xxy' })), 'yes: 1')
  const much = tool('push', { text: 'a'.repeat(5_000_000) })
  t.equal(verdict(policy, much), 'no: 1', 'what is too much to be judged is denied, whatever the rule says')
  t.ok(performance.now() - began < 10_000, `${performance.now() - began} ms`)
})
