// Owns the environment that is configured for an upstream that is a program.

import type { Environment } from './given.ts'
import type { Place } from './place.ts'
import { kindOf, type Report } from './problem.ts'
import { expand, type References } from './upstream-references.ts'

const NAME = /^[A-Za-z_]\w{0,127}$/

/** What every program needs. The rest of our environment has our secrets in it. */
const PASSED_ON = /^(?:PATH|HOME|USER|LOGNAME|SHELL|TERM|LANG|LC_[A-Z]+|TZ|TMPDIR)$/

/** All that the program gets. References are expanded; every problem is reported. */
export function readEnv(
  env: Readonly<Record<string, string>>,
  place: Place,
  references: References,
  report: Report,
): Readonly<Record<string, string>> {
  const configured = Object.fromEntries(
    Object.entries(env).map(([name, text]) => {
      const at = place(['env', name])
      if (!NAME.test(name)) report({ ...at, expected: 'the name of a variable', got: JSON.stringify(name) })
      const value = expand(text, references, (expected, got) => report({ ...at, expected, got }))
      if (value.includes('\0')) report({ ...at, expected: 'a text without NUL', got: kindOf(value) })
      return [name, value]
    }),
  )
  return { ...passedOn(references.env), ...configured }
}

function passedOn(env: Environment): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(env).flatMap(([name, value]) =>
      value !== undefined && PASSED_ON.test(name) ? [[name, value]] : [],
    ),
  )
}
