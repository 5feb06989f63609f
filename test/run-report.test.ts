// Owns what the report of a test run promises: nothing that went wrong is counted as passed.
import t from 'tap'
import { createFailures, withSecondRun } from './run-failures.ts'
import { createReport } from './run-report.ts'

const PASSED = `TAP version 14
1..1
# Subtest: test/a.test.ts
    # Subtest: a door opens
        ok 1 - should be equal
        ok 2 - with a key # SKIP no key
        1..2
    ok 1 - a door opens # time=7.65ms
    1..1
    # time=9.2ms
ok 1 - test/a.test.ts # time=9.2ms

# { total: 2, pass: 1, skip: 1 }
# time=500ms`

const FAILED = `# Subtest: test/a.test.ts
    # Subtest: a door opens
        not ok 1 - should be equal
          ---
          diff: |
            -1
            +2
          ...
        1..1
    not ok 1 - a door opens # time=7ms
      ---
      source: t.test(…)
      ...
    1..1
not ok 1 - test/a.test.ts # time=9.2ms
  ---
  command: node
  exitCode: null
  signal: SIGALRM
  ...
# { total: 3, pass: 1, fail: 1, todo: 1 }`

/** What is shown of it. */
const SHOWN = [
  '        ✗ should be equal',
  '          ---',
  '          diff: |',
  '            -1',
  '            +2',
  '          ...',
  '    ✗ a door opens (7 ms)',
  '✗ test/a.test.ts (9 ms)',
  '  signal: SIGALRM',
]

function read(output: string, exitCode: number) {
  const report = createReport()
  const failures = createFailures()
  const shown = output.split('\n').flatMap((line) => {
    const each = report.line(line)
    failures.line(line, each)
    return each ?? []
  })
  return { shown, failures, totals: report.totals(exitCode) }
}

t.test('a run that passed shows its tests and skips, and no assertions', async (t) => {
  const { shown, totals } = read(PASSED, 0)
  t.same(shown, [
    '        - with a key (SKIP no key)',
    '    ✓ a door opens (8 ms)',
    '✓ test/a.test.ts (9 ms)',
  ])
  t.same(totals, { passed: 1, failed: 0, skipped: 1 })
})

t.test('a failed assertion is shown with its reason, a killed file with its signal', async (t) => {
  const { shown, totals } = read(FAILED, 1)
  t.same(shown, SHOWN)
  t.same(totals, { passed: 1, failed: 1, skipped: 1 })
})

t.test('a file without tests has failed, one that skips itself with a reason has not', async (t) => {
  const summary = '# { total: 1, pass: 0, skip: 1 }'
  const empty = read(`ok 1 - test/a.test.ts # SKIP no tests found\n${summary}`, 0)
  t.same(empty.totals, { passed: 0, failed: 1, skipped: 0 })
  t.same(empty.shown, ['✗ test/a.test.ts (SKIP no tests found)'])
  const skipping = read(`ok 1 - test/a.test.ts # SKIP no Chromium\n${summary}`, 0)
  t.same(skipping.totals, { passed: 0, failed: 0, skipped: 1 })
})

t.test('a run without a summary, or whose exit code says so, has failed', async (t) => {
  t.same(read('TAP version 14', 0).totals, { passed: 0, failed: 1, skipped: 0 })
  t.same(read(PASSED, 1).totals, { passed: 1, failed: 1, skipped: 1 })
})

t.test('what a test prints is shown', async (t) => {
  t.same(read('    noise\n        # a comment', 0).shown, ['    noise', '        # a comment'])
})

t.test('the files that failed are repeated, without what passed in them or beside them', async (t) => {
  const { failures } = read(`${PASSED}\n${FAILED}`, 1)
  t.same(failures.files(), [
    { file: 'test/a.test.ts', totals: { passed: 0, failed: 1, skipped: 0 }, shown: SHOWN },
  ])
  t.ok(failures.areOfFiles())
  t.same(read(PASSED, 0).failures.files(), [])
})

t.test('a run that failed by itself is not the fault of its files', async (t) => {
  const expired = (file: string) => `not ok 2 - timeout!\n  ---\n  expired: ${file}\n  ...`
  const both = read(`${FAILED}\n${expired('test/a.test.ts')}\n${expired('test/b.test.ts')}`, 1).failures
  t.ok(both.areOfFiles())
  t.same(
    both.files().map(({ file }) => file),
    ['test/a.test.ts', 'test/b.test.ts'],
  )
  t.notOk(read(`${FAILED}\nnot ok 2 - no such file`, 1).failures.areOfFiles())
})

t.test('what a second run came to takes the place of the first, and no more than that', async (t) => {
  const { totals, failures } = read(FAILED.replace('pass: 1', 'pass: 9'), 1)
  const passed = { passed: 3, failed: 0, skipped: 0 }
  t.same(withSecondRun(totals, failures.files(), passed), { passed: 12, failed: 0, skipped: 1 })
  const failed = { passed: 2, failed: 1, skipped: 0 }
  t.same(withSecondRun(totals, failures.files(), failed), { passed: 11, failed: 1, skipped: 1 })
})
