// Owns one upstream of the configuration: what may be said about it, and in which words the ecosystem says it.

import * as z from 'zod'
import type { UpstreamLimits } from '../oauth/allowance.ts'
import type { ToolScope } from '../oauth/resource.ts'
import type { UpstreamAuth } from '../oauth/upstream-auth.ts'
import type { Place } from './place.ts'
import { kindOf, type Report } from './problem.ts'
import { readAuth } from './upstream-auth.ts'
import { toUpstreamLimits, upstreamLimits } from './upstream-limits.ts'
import { type Reached, readReached } from './upstream-reached.ts'
import type { References } from './upstream-references.ts'
import { toolScopes, toToolScopes } from './upstream-scopes.ts'

interface CommonConfig {
  /** `^[a-z0-9][a-z0-9-]{0,31}$` */
  readonly name: string
  /** For people; the name when nothing better was given. */
  readonly title: string
  readonly description: string | null
  /** Finer scopes, each for some tools. */
  readonly toolScopes: readonly ToolScope[]
  /** Tools that appear, or become destructive, after a person has agreed wait until that person agrees again. */
  readonly holdNewTools: boolean
  /** The login that it wants; null for none beside its headers. */
  readonly auth: UpstreamAuth | null
  readonly limits: UpstreamLimits
}

export type UpstreamConfig = CommonConfig & Reached

const NAME = /^[a-z0-9][a-z0-9-]{0,31}$/

/** An upstream's name is the root of its scopes, and these scopes have a meaning already (OpenID Connect Core §5.4). */
const TAKEN_BY_OPENID: ReadonlySet<string> = new Set(['openid', 'profile', 'email', 'address', 'phone'])

/** What is wrong with a name, as "expected …"; null when nothing is. */
export function nameProblem(name: string): string | null {
  if (!NAME.test(name))
    return 'a name of 1 to 32 characters: lower-case letters, digits and hyphens, no hyphen first'
  return TAKEN_BY_OPENID.has(name) ? 'another name, because this one is a scope of OpenID Connect' : null
}

const TEXT_EXPECTED = 'one line of text, 200 characters or fewer'
const ENTRY_EXPECTED = 'an object with a url, a command or openapi'

const line = z
  .string({ error: TEXT_EXPECTED })
  .trim()
  .regex(/^\P{Cc}{0,200}$/u, TEXT_EXPECTED)

const common = z.object({
  title: line.optional(),
  description: line.optional(),
  scopes: toolScopes,
  holdNewTools: z.boolean({ error: 'true or false' }).default(false),
  limits: upstreamLimits.default({}),
})

/** Null when there is a problem; every one is reported. */
export function readEntry(
  name: string,
  raw: unknown,
  place: Place,
  references: References,
  report: Report,
): UpstreamConfig | null {
  if (!isObject(raw) || Array.isArray(raw)) {
    report({ ...place([]), expected: ENTRY_EXPECTED, got: kindOf(raw) })
    return null
  }
  const check = checker(raw, place, report)
  const about = check(common)
  const reached = readReached(raw, { check, place, references, report })
  const auth = readAuth(Reflect.get(raw, 'auth'), { place, references, report })
  if (auth !== null && reached?.kind === 'stdio')
    report({
      ...place(['auth']),
      expected: 'nothing, because a program has no login; it has env',
      got: 'one',
    })
  if (about === undefined || reached === null) return null
  const { title, description, scopes, holdNewTools, limits } = about
  return {
    name,
    title: title || name,
    description: description || null,
    toolScopes: toToolScopes(name, scopes),
    holdNewTools,
    limits: toUpstreamLimits(limits),
    auth,
    ...reached,
  }
}

/** Reports what a schema does not find in order. */
function checker(raw: object, place: Place, report: Report) {
  return <T extends z.ZodType>(schema: T): z.output<T> | undefined => {
    const { data, error } = schema.safeParse(raw)
    for (const { path, message } of error?.issues ?? [])
      report({ ...place(path.map(String)), expected: message, got: kindOf(memberAt(raw, path)) })
    return data
  }
}

function memberAt(raw: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>((value, key) => (isObject(value) ? Reflect.get(value, key) : undefined), raw)
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null
}
