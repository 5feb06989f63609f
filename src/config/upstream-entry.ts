// Owns one upstream of the configuration: what may be said about it, and in which words the ecosystem says it.

import ipaddr from 'ipaddr.js'
import * as z from 'zod'
import type { ToolScope } from '../oauth/resource.ts'
import { kindOf, type Report } from './problem.ts'
import { expand, headerNameProblem, isHeaderValue, type References } from './upstream-headers.ts'
import { toolScopes, toToolScopes } from './upstream-scopes.ts'
import { parsed } from './values.ts'

export interface UpstreamConfig {
  /** `^[a-z0-9][a-z0-9-]{0,31}$` */
  readonly name: string
  /** http or https, without user and fragment. */
  readonly url: string
  /** For people; the name when nothing better was given. */
  readonly title: string
  readonly description: string | null
  /** Names in lower case; references are expanded. */
  readonly headers: Readonly<Record<string, string>>
  /** Finer scopes, each for some tools. */
  readonly toolScopes: readonly ToolScope[]
  /** Tools that appear, or become destructive, after a person has agreed wait until that person agrees again. */
  readonly holdNewTools: boolean
}

/** Where a member of an entry stands: JSON knows a path, a variable of its own knows a name. */
export type Place = (path: readonly string[]) => { readonly variable: string; readonly at?: string }

const NAME = /^[a-z0-9][a-z0-9-]{0,31}$/

/** An upstream's name is the root of its scopes, and these scopes have a meaning already (OpenID Connect Core §5.4). */
const TAKEN_BY_OPENID: ReadonlySet<string> = new Set(['openid', 'profile', 'email', 'address', 'phone'])

/** What is wrong with a name, as "expected …"; null when nothing is. */
export function nameProblem(name: string): string | null {
  if (!NAME.test(name))
    return 'a name of 1 to 32 characters: lower-case letters, digits and hyphens, no hyphen first'
  return TAKEN_BY_OPENID.has(name) ? 'another name, because this one is a scope of OpenID Connect' : null
}

const URL_EXPECTED = 'an http or https URL without user and fragment'
const TEXT_EXPECTED = 'one line of text, 200 characters or fewer'
const HEADERS_EXPECTED = 'an object of header names and texts'
const NOT_SUPPORTED = 'not supported by this version'

/** Braces are in no URL (RFC 3986 §2): they would be a reference, and nothing is expanded here. */
function parseUpstreamUrl(text: string): string | undefined {
  const url = /^https?:\/\/[^\s\\{}]+$/i.test(text) ? URL.parse(text) : null
  if (url === null || url.username !== '' || url.password !== '' || text.includes('#')) return undefined
  return isLinkLocal(url.hostname) ? undefined : url.href
}

/** Where clouds keep the credentials of a machine; no MCP server lives there. */
function isLinkLocal(hostname: string): boolean {
  const address = hostname.replace(/^\[|\]$/g, '')
  return ipaddr.isValid(address) && ipaddr.process(address).range() === 'linkLocal'
}

const line = z
  .string({ error: TEXT_EXPECTED })
  .trim()
  .regex(/^\P{Cc}{0,200}$/u, TEXT_EXPECTED)

const TRANSPORTS: ReadonlySet<unknown> = new Set(['http', 'streamable-http', 'streamableHttp'])

const transport = z.unknown().refine((value) => TRANSPORTS.has(value), {
  error: ({ input }) =>
    input === 'sse' || input === 'stdio'
      ? `http, because ${input} is ${NOT_SUPPORTED}`
      : 'http or streamable-http',
})

/** Unknown members are for other programs, and for comments. */
const entry = z.object(
  {
    command: z
      .undefined({ error: `a url, because starting a command (stdio) is ${NOT_SUPPORTED}` })
      .optional(),
    type: transport.optional(),
    transport: transport.optional(),
    url: z.string({ error: URL_EXPECTED }).pipe(parsed(parseUpstreamUrl, `${URL_EXPECTED}, not link-local`)),
    title: line.optional(),
    description: line.optional(),
    headers: z.record(z.string(), z.string({ error: 'a text' }), { error: HEADERS_EXPECTED }).default({}),
    scopes: toolScopes,
    holdNewTools: z.boolean({ error: 'true or false' }).default(false),
  },
  { error: 'an object with a url' },
)

/** Null when there is a problem; every one is reported. */
export function readEntry(
  name: string,
  raw: unknown,
  place: Place,
  references: References,
  report: Report,
): UpstreamConfig | null {
  const result = entry.safeParse(raw)
  for (const { path, message } of relevant(result.error?.issues ?? [])) {
    report({ ...place(path.map(String)), expected: message, got: kindOf(memberAt(raw, path)) })
  }
  const written = entry.shape.headers.safeParse(memberAt(raw, ['headers'])).data ?? {}
  const headers = readHeaders(written, place, references, report)
  if (!result.success) return null
  const { url, title, description, scopes, holdNewTools } = result.data
  return {
    name,
    url,
    title: title || name,
    description: description || null,
    headers,
    toolScopes: toToolScopes(name, scopes),
    holdNewTools,
  }
}

/** An entry that starts a command has no url, and to say so as well would only confuse. */
function relevant(issues: readonly z.core.$ZodIssue[]): readonly z.core.$ZodIssue[] {
  const command = issues.filter(({ path }) => path[0] === 'command')
  return command.length > 0 ? command : issues
}

function memberAt(raw: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>((value, key) => (isObject(value) ? Reflect.get(value, key) : undefined), raw)
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null
}

function readHeaders(
  headers: Readonly<Record<string, string>>,
  place: Place,
  references: References,
  report: Report,
): Readonly<Record<string, string>> {
  const read = new Map<string, string>()
  for (const [written, text] of Object.entries(headers)) {
    const at = place(['headers', written])
    const name = written.toLowerCase()
    const problem = read.has(name) ? 'each header once' : headerNameProblem(name)
    if (problem !== null) report({ ...at, expected: problem, got: `${JSON.stringify(written)}` })
    const value = expand(text, references, (expected, got) => report({ ...at, expected, got })).trim()
    if (!isHeaderValue(value))
      report({ ...at, expected: 'a text without control characters', got: kindOf(value) })
    read.set(name, value)
  }
  return Object.fromEntries(read)
}
