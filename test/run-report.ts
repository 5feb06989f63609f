// Owns reading tap's output: what a person sees of it, and the numbers that decide.

export interface Totals {
  readonly passed: number
  readonly failed: number
  readonly skipped: number
}

export interface Report {
  /** What to show for the next line of tap's output; null for nothing. */
  line(line: string): string | null
  /** Once the output has ended. A run without a summary, or with an exit code that says otherwise, has failed. */
  totals(exitCode: number): Totals
}

/** tap nests the tests of a file under it by four spaces a level (TAP version 14). */
const RESULT = /^((?: {4})*)(ok|not ok) \d+(?: - (.*?))?(?: # (time=\S+|(?:SKIP|TODO)\b.*))?$/
const SUMMARY = /^# \{ total: \d+, (.*) \}$/
const QUIET =
  /^\s*(?:1\.\.\d+.*|# (?:Subtest: .*|time=.*)|TAP version \d+|# No coverage generated|# \{ total: .*|)$/

/** The lines of a diagnosis are indented by two spaces more than the result before them. */
interface Diagnosis {
  readonly prefix: string
  /** Of an assertion all of it; of a file how its process ended; of a test nothing, its assertions have said it. */
  readonly shown: RegExp
}

const ALL = /^/
const NOTHING = /$^/
const EXIT = /^ +(?:exitCode|signal|expired): (?!null|0$)/

export interface Result {
  readonly indent: string
  readonly passed: boolean
  readonly name: string
  readonly directive: string
}

export function createReport(): Report {
  let summary: string | null = null
  let emptyFiles = 0
  let diagnosis: Diagnosis | null = null
  return {
    line(line) {
      if (diagnosis && line.startsWith(diagnosis.prefix)) return diagnosis.shown.test(line) ? line : null
      const result = parse(line)
      diagnosis = diagnosisOf(result)
      summary = SUMMARY.exec(line)?.[1] ?? summary
      emptyFiles += Number(isEmptyFile(result))
      return result ? describe(result) : QUIET.test(line) ? null : line
    },
    totals: (exitCode) => sumUp(summary, emptyFiles, exitCode),
  }
}

export function parse(line: string): Result | null {
  const match = RESULT.exec(line)
  if (!match) return null
  const [, indent = '', outcome, name = '', directive = ''] = match
  return { indent, passed: outcome === 'ok', name, directive }
}

/** A file may skip itself with a reason; one that found nothing to run is broken. */
function isEmptyFile(result: Result | null): boolean {
  return result?.indent === '' && result.directive === 'SKIP no tests found'
}

function diagnosisOf(result: Result | null): Diagnosis | null {
  if (!result || result.passed) return null
  const ofTest = result.indent === '' ? EXIT : NOTHING
  return { prefix: `${result.indent}  `, shown: result.directive === '' ? ALL : ofTest }
}

/** A passed assertion is silent: the test it belongs to speaks for it. */
function describe(result: Result): string | null {
  const { indent, passed, name, directive } = result
  if (passed && directive === '') return null
  const mark = !passed || isEmptyFile(result) ? '✗' : directive.startsWith('time=') ? '✓' : '-'
  return `${indent}${mark} ${name}${noteOf(directive)}`
}

function noteOf(directive: string): string {
  const milliseconds = /^time=([\d.]+)ms$/.exec(directive)?.[1]
  return milliseconds === undefined
    ? ` (${directive})`.replace(' ()', '')
    : ` (${Math.round(Number(milliseconds))} ms)`
}

/** tap counts a file without tests as skipped; here it has failed, because something in it did not run. */
function sumUp(summary: string | null, emptyFiles: number, exitCode: number): Totals {
  const count = (name: string) => Number(new RegExp(`\\b${name}: (\\d+)`).exec(summary ?? '')?.[1] ?? 0)
  const failed = count('fail') + emptyFiles
  const silent = failed === 0 && (exitCode !== 0 || summary === null)
  return {
    passed: count('pass'),
    failed: silent ? 1 : failed,
    skipped: count('skip') + count('todo') - emptyFiles,
  }
}
