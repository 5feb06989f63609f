// Owns the proof that a conformance run notices what a gateway changes, and counts nothing twice.

import t from 'tap'
import { explain } from './bridge-differences.ts'
import { compare, judge } from './comparison.ts'
import { formatSection, formatTotals } from './report.ts'
import type { Check, Outcome } from './suite.ts'

const REQUIRED = new Set(['ping'])

function outcome(scenario: string, ...checks: readonly (readonly [id: string, status: string])[]): Outcome {
  return new Map([[scenario, checks.map(([id, status]): Check => ({ id, status }))]])
}

const GOOD = outcome('ping', ['ping', 'SUCCESS'], ['wire-schema-valid', 'SUCCESS'])

t.test('the same result on both sides is a pass', async (t) => {
  const [row] = compare(GOOD, GOOD, REQUIRED)
  t.match(row, { passed: 2, problems: [], bare: '2 passed', gateway: '2 passed', required: true })
})

const DIFFERENCES: readonly (readonly [name: string, gateway: Outcome, problem: string])[] = [
  [
    'a check that fails only behind the gateway',
    outcome('ping', ['ping', 'FAILURE'], ['wire-schema-valid', 'SUCCESS']),
    'ping: SUCCESS bare, FAILURE through the gateway',
  ],
  [
    'a check that is skipped only behind the gateway',
    outcome('ping', ['ping', 'SKIPPED'], ['wire-schema-valid', 'SUCCESS']),
    'ping: SUCCESS bare, SKIPPED through the gateway',
  ],
  [
    'a check that is missing behind the gateway',
    outcome('ping', ['ping', 'SUCCESS']),
    'wire-schema-valid: SUCCESS bare, absent through the gateway',
  ],
  [
    'a check that occurs only behind the gateway',
    outcome('ping', ['ping', 'SUCCESS'], ['wire-schema-valid', 'SUCCESS'], ['ping', 'SUCCESS']),
    'ping (2): absent bare, SUCCESS through the gateway',
  ],
]

for (const [name, gateway, problem] of DIFFERENCES) {
  t.test(`${name} is a problem, scored or not`, async (t) => {
    t.strictSame(compare(GOOD, gateway, REQUIRED)[0]?.problems, [problem])
    t.strictSame(compare(GOOD, gateway, new Set())[0]?.problems, [problem])
  })
}

t.test('what fails on both sides is a problem only where the revision demands it', async (t) => {
  const bad = outcome('ping', ['ping', 'FAILURE'])
  t.strictSame(compare(bad, bad, REQUIRED)[0]?.problems, ['ping: fails on both sides'])
  t.match(compare(bad, bad, new Set())[0], { problems: [], passed: 0, gateway: '0 passed, 1 failed' })
})

t.test('a scenario that did not run on one side is a problem', async (t) => {
  const nothing: Outcome = new Map()
  t.strictSame(compare(GOOD, nothing, new Set())[0]?.problems, ['did not run'])
  t.strictSame(compare(nothing, GOOD, new Set())[0]?.problems, ['did not run'])
  t.strictSame(compare(nothing, nothing, REQUIRED)[0]?.problems, ['did not run'])
  t.strictSame(compare(nothing, nothing, new Set()), [])
})

t.test('what the suite only notes is not compared', async (t) => {
  const chatty = outcome('ping', ['seen', 'INFO'], ['ping', 'SUCCESS'], ['wire-schema-valid', 'SUCCESS'])
  t.match(compare(GOOD, chatty, REQUIRED)[0], { problems: [], passed: 2 })
})

t.test('without another side, anything but success is a problem', async (t) => {
  t.match(judge(GOOD, REQUIRED)[0], { passed: 2, problems: [] })
  const doubtful = outcome('ping', ['ping', 'SUCCESS'], ['cimd', 'WARNING'], ['grant', 'SKIPPED'])
  t.match(judge(doubtful, REQUIRED)[0], { passed: 1, problems: ['cimd: WARNING', 'grant: SKIPPED'] })
  t.match(judge(new Map(), REQUIRED)[0], { scenario: 'ping', passed: 0, problems: ['did not run'] })
})

t.test('the last line counts every check and every problem', async (t) => {
  const bad = outcome('ping', ['ping', 'FAILURE'], ['wire-schema-valid', 'SUCCESS'])
  const section = { title: 'Ping', rows: compare(GOOD, bad, REQUIRED) }
  t.equal(formatTotals([section, section]), '2 passed, 2 failed')
  t.match(formatSection(section), '✗ ping  2 passed  1 passed, 1 failed\n    ping: ping: SUCCESS bare')
})

t.test(
  'a difference that has to be is no problem, another one is, and so is one that is not there any more',
  async (t) => {
    const bare = outcome('ping', ['ping', 'SUCCESS'], ['ping', 'SUCCESS'], ['other', 'SUCCESS'])
    const bridged = outcome('ping', ['ping', 'SUCCESS'], ['ping', 'FAILURE'], ['other', 'FAILURE'])
    const rows = compare(bare, bridged, REQUIRED)
    const because = (...checks: readonly string[]) => [{ scenario: 'ping', checks, why: 'it must' }]
    t.match(explain(rows, because('ping', 'other')), [{ problems: [], explained: ['ping, other: it must'] }])
    t.match(explain(rows, because('ping')), [{ problems: [/^other: SUCCESS bare, FAILURE/] }])
    t.match(explain(compare(bare, bare, REQUIRED), because('ping')), [
      { problems: ['ping: is the same after all'] },
    ])
  },
)
