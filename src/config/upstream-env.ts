// Owns the environment that is configured for an upstream that is a program.

import type { Place } from './place.ts'
import { kindOf, type Report } from './problem.ts'
import { expand, type References } from './upstream-references.ts'

const NAME = /^[A-Za-z_]\w{0,127}$/

/** References are expanded. Every problem is reported. */
export function readEnv(
  env: Readonly<Record<string, string>>,
  place: Place,
  references: References,
  report: Report,
): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(env).map(([name, text]) => {
      const at = place(['env', name])
      if (!NAME.test(name)) report({ ...at, expected: 'the name of a variable', got: JSON.stringify(name) })
      const value = expand(text, references, (expected, got) => report({ ...at, expected, got }))
      if (value.includes('\0')) report({ ...at, expected: 'a text without NUL', got: kindOf(value) })
      return [name, value]
    }),
  )
}
