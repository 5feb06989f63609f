// Owns how an upstream of the configuration is reached, read from the members that belong to its kind.

import type * as z from 'zod'
import type { Place } from './place.ts'
import type { Report } from './problem.ts'
import { readEnv } from './upstream-env.ts'
import { readHeaders } from './upstream-headers.ts'
import { intended, kinds } from './upstream-kinds.ts'
import type { References } from './upstream-references.ts'

type Texts = Readonly<Record<string, string>>

/** Every URL is http or https, without user and fragment; references in headers and env are expanded. */
export type Reached =
  | {
      readonly kind: 'http'
      readonly url: string
      readonly otherUrls: readonly string[]
      readonly headers: Texts
    }
  | { readonly kind: 'sse'; readonly url: string; readonly headers: Texts }
  | {
      readonly kind: 'stdio'
      readonly command: string
      readonly args: readonly string[]
      readonly env: Texts
      readonly cwd: string | null
      readonly shared: boolean
    }
  | {
      readonly kind: 'openapi'
      /** A URL, or the path of a file. */
      readonly document: string
      /** Null: where the document says. */
      readonly url: string | null
      readonly headers: Texts
      readonly operations: readonly string[]
      readonly writes: boolean
    }

export interface Reading {
  /** Undefined when there is a problem; every one is reported. */
  readonly check: <T extends z.ZodType>(schema: T) => z.output<T> | undefined
  readonly place: Place
  readonly references: References
  readonly report: Report
}

/** Null when there is a problem; every one is reported. */
export function readReached(raw: object, reading: Reading): Reached | null {
  const { check } = reading
  switch (intended(raw)) {
    case 'stdio':
      return readProgram(raw, reading)
    case 'openapi':
      return readApi(raw, reading)
    case 'sse': {
      const headers = headersOf(raw, reading)
      const { url } = check(kinds.sse) ?? {}
      return url === undefined ? null : { kind: 'sse', url, headers }
    }
    case 'several': {
      const headers = headersOf(raw, reading)
      const [url, ...otherUrls] = check(kinds.several)?.urls ?? []
      return url === undefined ? null : { kind: 'http', url, otherUrls, headers }
    }
    default: {
      const headers = headersOf(raw, reading)
      const { url } = check(kinds.http) ?? {}
      return url === undefined ? null : { kind: 'http', url, otherUrls: [], headers }
    }
  }
}

function readProgram(raw: object, { check, place, references, report }: Reading): Reached | null {
  const env = readEnv(textsOf(raw, 'env'), place, references, report)
  const read = check(kinds.stdio)
  if (read === undefined) return null
  const { command, args, cwd = null, shared } = read
  return { kind: 'stdio', command, args, env, cwd, shared }
}

function readApi(raw: object, reading: Reading): Reached | null {
  const headers = headersOf(raw, reading)
  const read = reading.check(kinds.openapi)
  if (read === undefined) return null
  const { openapi: document, url = null, operations, writes } = read
  return { kind: 'openapi', document, url, headers, operations, writes }
}

function headersOf(raw: object, { place, references, report }: Reading): Texts {
  return readHeaders(textsOf(raw, 'headers'), place, references, report)
}

/** Those that are texts: what else there is, the schema reports. Another problem must not hide what is wrong with these. */
function textsOf(raw: object, member: 'headers' | 'env'): Texts {
  const given: unknown = Reflect.get(raw, member)
  if (typeof given !== 'object' || given === null || Array.isArray(given)) return {}
  return Object.fromEntries(
    Object.entries(given).filter((entry): entry is [string, string] => typeof entry[1] === 'string'),
  )
}
