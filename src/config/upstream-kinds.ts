// Owns the kinds of upstreams that can be configured, and what may be said about each beside what all of them have.

import * as z from 'zod'
import { documentPlace, onlyUrl, upstreamUrl } from './upstream-url.ts'

const ONE_TEXT = 'a text without NUL, 4096 characters or fewer'
const ARGS_EXPECTED = 'a list of texts'
const URLS_EXPECTED = 'a list of 2 to 16 different URLs'
const OPERATIONS_EXPECTED =
  'a list of names of operations or of methods with paths, such as "getPet" or "GET /pets/*"; * stands for any characters, and ! in front leaves out'

const text = z.string({ error: ONE_TEXT }).regex(/^[^\0]{0,4096}$/, ONE_TEXT)
const yesOrNo = z.boolean({ error: 'true or false' }).default(false)

const headers = z
  .record(z.string(), z.string({ error: 'a text' }), { error: 'an object of header names and texts' })
  .default({})

const env = z
  .record(z.string(), z.string({ error: 'a text' }), { error: 'an object of names of variables and texts' })
  .default({})

/** A program that is not found is a poor answer to this mistake. */
const command = text.refine(
  (given) => given !== '' && !/^[^\s/\\]+\s/.test(given),
  'the name or path of a program alone; what follows it goes into args',
)

const urls = z
  .array(upstreamUrl, { error: URLS_EXPECTED })
  .min(2, URLS_EXPECTED)
  .max(16, URLS_EXPECTED)
  .refine((given) => new Set(given).size === given.length, URLS_EXPECTED)

const operations = z
  .array(
    z
      .string({ error: OPERATIONS_EXPECTED })
      .regex(/^!?(?:[A-Z]{3,7} )?[^\s!\0]{1,256}$/, OPERATIONS_EXPECTED),
    { error: OPERATIONS_EXPECTED },
  )
  .max(1000, OPERATIONS_EXPECTED)
  .default([])

function notWith(member: string) {
  return z.undefined({ error: `nothing beside ${member}` }).optional()
}

const WORDS = 'http, streamable-http, sse or stdio'

/** The ecosystem has two members for this, and several words. `beside` is what they contradict. */
function said(words: readonly string[], beside: string) {
  const word = z.unknown().refine((given) => words.some((each) => each === given), {
    error: ({ input }) => (OTHERS.has(input) ? `${words[0]}, beside ${beside}` : WORDS),
  })
  return { type: word.optional(), transport: word.optional() }
}

const HTTP = ['http', 'streamable-http', 'streamableHttp'] as const
const OTHERS: ReadonlySet<unknown> = new Set([...HTTP, 'sse', 'stdio'])

/** Unknown members are for other programs, and for comments. */
export const kinds = {
  http: z.object({
    ...said(HTTP, 'this url'),
    url: onlyUrl,
    headers,
  }),
  /** The same, at several places. */
  several: z.object({
    ...said(HTTP, 'urls'),
    url: notWith('urls'),
    urls,
    headers,
  }),
  sse: z.object({
    ...said(['sse'], 'the other'),
    url: upstreamUrl,
    urls: z.undefined({ error: 'one url instead, because of sse' }).optional(),
    headers,
  }),
  stdio: z.object({
    ...said(['stdio'], 'a command'),
    url: notWith('command'),
    urls: notWith('command'),
    openapi: notWith('command'),
    headers: z.undefined({ error: 'nothing, because a program has no headers; it has env' }).optional(),
    command,
    args: z.array(text, { error: ARGS_EXPECTED }).max(1000, ARGS_EXPECTED).default([]),
    env,
    cwd: text.min(1, ONE_TEXT).optional(),
    shared: yesOrNo,
  }),
  openapi: z.object({
    ...said(HTTP, 'openapi'),
    openapi: documentPlace,
    url: upstreamUrl.optional(),
    urls: notWith('openapi'),
    headers,
    operations,
    writes: yesOrNo,
  }),
} as const

/** Which of them an entry means to be. */
export function intended(raw: object): keyof typeof kinds {
  const said = new Map(Object.entries(raw).filter(([, value]) => value !== undefined))
  const word = said.get('type') ?? said.get('transport')
  if (said.has('command') || word === 'stdio') return 'stdio'
  if (said.has('openapi')) return 'openapi'
  if (word === 'sse') return 'sse'
  return said.has('urls') ? 'several' : 'http'
}
