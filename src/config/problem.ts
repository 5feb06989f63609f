// Owns what is said about a configuration that cannot be used: every problem at once, and never a secret's value.

export interface Problem {
  /** The environment variable to look at: `PUBLIC_URL`, or `PUBLIC_URL_FILE` when the value came from a file. */
  readonly variable: string
  /** The place inside a variable that holds JSON: `notes.headers.Authorization`. */
  readonly at?: string
  readonly expected: string
  readonly got: string
}

/** Takes a problem and lets the caller go on, so that the next problem is found too. */
export type Report = (problem: Problem) => void

export class ConfigError extends Error {
  readonly problems: readonly Problem[]
  /** One for each. */
  readonly lines: readonly string[]

  constructor(problems: readonly Problem[], options?: ErrorOptions) {
    super(formatProblems(problems), options)
    this.name = 'ConfigError'
    this.problems = problems
    this.lines = problems.map(formatProblem)
  }
}

function formatProblems(problems: readonly Problem[]): string {
  const title =
    problems.length === 1
      ? 'The configuration has a problem:'
      : `The configuration has ${problems.length} problems:`
  return [title, ...problems.map((problem) => `  ${formatProblem(problem)}`)].join('\n')
}

function formatProblem({ variable, at, expected, got }: Problem): string {
  const place = at === undefined ? variable : `${variable}, ${at}`
  return `${place}: expected ${expected}; got ${got}`
}

const SHOWN_LENGTH = 80

/** What may be repeated of a value that is not secret. A password inside a URL is masked all the same. */
export function shown(text: string | undefined): string {
  if (text === undefined) return 'nothing'
  const masked = text.replace(/:\/\/\S*@/g, '://***@')
  return JSON.stringify(masked.length > SHOWN_LENGTH ? `${masked.slice(0, SHOWN_LENGTH)}…` : masked)
}

export const NOT_SHOWN = 'a value that is not shown here'

/** What may be said of a member of a JSON document, which may hold secrets anywhere. */
export function kindOf(value: unknown): string {
  if (value === undefined) return 'nothing'
  if (value === null) return 'null'
  if (Array.isArray(value)) return 'a list'
  if (typeof value === 'string') return value === '' ? 'an empty text' : 'a text that is not shown here'
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`
}

/** Runs `read` to its end, and returns what it read when it reported nothing. Throws ConfigError otherwise. */
export function withoutProblems<T>(read: (report: Report) => T): T {
  const problems: Problem[] = []
  const value = read((problem) => problems.push(problem))
  if (problems.length > 0) throw new ConfigError(problems)
  return value
}
