// Owns which files of a test run failed, with what is repeated of them at its end, where whoever looks first will find it.
import { parse, type Result, type Totals } from './run-report.ts'

export interface FailedFile {
  readonly file: string
  /** Of its assertions. */
  readonly totals: Totals
  /** What went wrong, as it was shown. */
  readonly shown: readonly string[]
}

export interface Failures {
  /** The next line of tap's output, and what is shown of it. */
  line(line: string, shown: string | null): void
  files(): readonly FailedFile[]
  /** All that failed was in files: none of it was the run itself. */
  areOfFiles(): boolean
}

interface Counting {
  passed: number
  failed: number
  skipped: number
  shown: string[]
}

const FILE = /\.test\.ts$/
/** What tap says at the end of a file that took too long, also where it says nothing of the file itself. */
const TIMED_OUT = 'timeout!'
const EXPIRED = /^ +expired: (\S+\.test\.ts)$/
const NOTHING_COUNTED: Totals = { passed: 0, failed: 0, skipped: 0 }
const PASSED = /^ *[✓-] /

export function createFailures(): Failures {
  const files: FailedFile[] = []
  let counting = nothingYet()
  let last: Counting | null = null
  let others = 0

  function addExpired(file: string): void {
    if (files.some((each) => each.file === file)) return
    files.push({ file, totals: NOTHING_COUNTED, shown: [`✗ ${file} took too long`] })
  }

  function endFile({ passed, name }: Result): void {
    const { shown, ...totals } = counting
    if (!passed && FILE.test(name)) {
      last = counting
      files.push({ file: name, totals, shown })
    } else if (!passed && name !== TIMED_OUT) others++
    counting = nothingYet()
  }

  function take(result: Result): void {
    last = null
    if (result.indent === '') endFile(result)
    else count(counting, result)
  }

  return {
    line(line, shown) {
      const result = parse(line)
      const expired = EXPIRED.exec(line)?.[1]
      if (expired !== undefined) addExpired(expired)
      // The diagnosis of a file comes after its result.
      const about = result === null && line.startsWith('  ') ? (last ?? counting) : counting
      if (shown !== null && !PASSED.test(shown)) about.shown.push(shown)
      if (result !== null) take(result)
    },
    files: () => files,
    areOfFiles: () => others === 0,
  }
}

function nothingYet(): Counting {
  return { passed: 0, failed: 0, skipped: 0, shown: [] }
}

/** What has a time is a test, and its assertions were counted. */
function count(counting: Counting, { passed, directive }: Result): void {
  if (directive.startsWith('time=')) return
  if (directive !== '') counting.skipped++
  else if (passed) counting.passed++
  else counting.failed++
}

/** The numbers of a run whose failed files were run once more. */
export function withSecondRun(first: Totals, failed: readonly FailedFile[], second: Totals): Totals {
  const without = (name: 'passed' | 'skipped') =>
    first[name] - failed.reduce((sum, { totals }) => sum + totals[name], 0)
  return {
    passed: without('passed') + second.passed,
    failed: second.failed,
    skipped: without('skipped') + second.skipped,
  }
}
