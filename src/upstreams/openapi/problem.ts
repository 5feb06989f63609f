// Owns why the document of an API is of no use, or one operation of it, in words for an operator: which part, and what to do.

export interface ApiProblem {
  /** `operation`: only this one is left out. */
  readonly of: 'document' | 'operation'
  /** Where to look: a member of the configuration, a place in the document, or an operation. */
  readonly part: string
  readonly why: string
  readonly advice: string
  /** The document that was read before stays in use. */
  readonly kept: boolean
  /** What was met, for whoever looks for a fault of ours. */
  readonly error?: unknown
}

/** An operation that was wanted and cannot be offered. */
export interface LeftOut {
  /** `GET /pets`. */
  readonly operation: string
  readonly why: string
}

export interface ProblemOptions extends ErrorOptions {
  readonly part?: string
  readonly advice?: string
}

const CORRECT_IT = 'Correct the document, or let openapi name a corrected copy.'
export const LOOK_THERE =
  'Look at openapi of this upstream, and whether what it names is there and may be read from here.'

/** Why a document is of no use. Never with a part of the document that could be secret. */
export class DocumentProblem extends Error {
  readonly part: string
  readonly advice: string

  constructor(what: string, { part = 'openapi', advice = CORRECT_IT, ...options }: ProblemOptions = {}) {
    super(what, options)
    this.name = 'DocumentProblem'
    this.part = part
    this.advice = advice
  }
}

/** Of a file or a connection, whose own words may have an address in them. */
export function notHad(cause: unknown): DocumentProblem {
  if (cause instanceof DocumentProblem) return cause
  return new DocumentProblem(`The document cannot be had (${codeOf(cause)}).`, { advice: LOOK_THERE, cause })
}

/** `error`: what loading a document was rejected with. */
export function problemOf(error: unknown, kept: boolean): ApiProblem {
  const known = error instanceof DocumentProblem ? error : notUnderstood(error)
  return { of: 'document', part: known.part, why: known.message, advice: known.advice, kept, error }
}

export function leftOutProblem({ operation, why }: LeftOut): ApiProblem {
  const advice = `Correct it there, or leave it out: "!${operation}" in operations of this upstream.`
  return { of: 'operation', part: operation, why, advice, kept: false }
}

export function notUnderstood(cause: unknown): DocumentProblem {
  return new DocumentProblem(`The document cannot be understood (${codeOf(cause)}).`, { cause })
}

function codeOf(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown'
  if ('code' in error && typeof error.code === 'string') return error.code
  return error.cause instanceof Error ? codeOf(error.cause) : error.name
}
