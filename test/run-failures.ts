// Owns which files of a test run failed, with what is repeated of them at its end, where whoever looks first will find it.
import { parse, type Totals } from './run-report.ts'

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
/** How tap ends a file that takes too long; that file has failed as well. */
const TIMED_OUT = 'timeout!'
const PASSED = /^ *[✓-] /

export function createFailures(): Failures {
  const files: FailedFile[] = []
  let counting = nothingYet()
  let last: Counting | null = null
  let others = 0
  return {
    line(line, shown) {
      const result = parse(line)
      // The diagnosis of a file comes after its result.
      const about = result === null && last !== null && line.startsWith('  ') ? last : counting
      if (shown !== null && !PASSED.test(shown)) about.shown.push(shown)
      if (result === null) return
      last = null
      const { indent, passed, directive, name } = result
      if (indent !== '') return count(counting, passed, directive)
      if (!passed && FILE.test(name)) {
        last = counting
        const { shown: lines, ...totals } = counting
        files.push({ file: name, totals, shown: lines })
      } else if (!passed) others += Number(name !== TIMED_OUT)
      counting = nothingYet()
    },
    files: () => files,
    areOfFiles: () => others === 0,
  }
}

function nothingYet(): Counting {
  return { passed: 0, failed: 0, skipped: 0, shown: [] }
}

/** What has a time is a test, and its assertions were counted. */
function count(counting: Counting, passed: boolean, directive: string): void {
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
