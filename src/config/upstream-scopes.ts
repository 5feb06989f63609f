// Owns the finer scopes of an upstream as an operator writes them: a name, and the tools that it covers.

import * as z from 'zod'
import type { ToolScope } from '../oauth/resource.ts'

const NAME = /^[a-z0-9][a-z0-9-]{0,31}$/
export const TOOL_PATTERN = /^[\w.*/-]{1,128}$/

const NAME_EXPECTED =
  'names of 1 to 32 characters: lower-case letters, digits and hyphens; `read` has a meaning already'
const TOOLS_EXPECTED = 'a list of names of tools, in which * stands for any characters'

const tools = z
  .array(z.string({ error: TOOLS_EXPECTED }).regex(TOOL_PATTERN, TOOLS_EXPECTED), { error: TOOLS_EXPECTED })
  .min(1, TOOLS_EXPECTED)

const title = z
  .string({ error: 'one line of text' })
  .trim()
  .regex(/^\P{Cc}{1,200}$/u, 'one line of text')

/** `{"issues": ["create_issue", "*_comment"]}`, or with a title: `{"issues": {"title": "Issues", "tools": […]}}`. */
export const toolScopes = z
  .record(
    z.string(),
    z.union([tools, z.object({ title: title.optional(), tools })], { error: TOOLS_EXPECTED }),
    {
      error: 'an object of scope names, each with its tools',
    },
  )
  .refine((scopes) => Object.keys(scopes).every((name) => NAME.test(name) && name !== 'read'), NAME_EXPECTED)
  .default({})

export function toToolScopes(upstream: string, scopes: z.output<typeof toolScopes>): readonly ToolScope[] {
  return Object.entries(scopes).map(([name, given]) => {
    const { title: named, tools: names } = Array.isArray(given) ? { title: undefined, tools: given } : given
    return { scope: `${upstream}:${name}`, title: named ?? name, tools: names }
  })
}
