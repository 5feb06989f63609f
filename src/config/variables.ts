// Owns reading the variables of the schema, in such a way that one mistake does not hide the next.

import { documentation } from './documentation.ts'
import type { Given } from './given.ts'
import { NOT_SHOWN, type Report, shown } from './problem.ts'
import { isVariable, schema, type Values, type Variable } from './schema.ts'

/** Every problem is reported. What is wrong counts as absent in the result, so that the rest can be looked at. */
export function readValues(given: Given, report: Report): Values {
  const texts = new Map([...given].map(([variable, { text }]) => [variable, text ?? undefined]))
  const result = schema.safeParse(Object.fromEntries(texts))
  if (result.success) return result.data
  for (const { path, message } of result.error.issues) {
    const variable = String(path[0])
    if (isVariable(variable)) reportValue(variable, message, given, report)
    texts.delete(variable)
  }
  return schema.parse(Object.fromEntries(texts))
}

function reportValue(variable: Variable, expected: string, given: Given, report: Report): void {
  const { from = variable, text } = given.get(variable) ?? {}
  const secret = documentation.get(schema.shape[variable])?.secret === true
  report({ variable: from, expected, got: secret ? NOT_SHOWN : shown(text ?? undefined) })
}
