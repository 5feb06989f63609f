// Owns what variables ask of each other: each one may be right, and both together wrong.

import type { Given } from './given.ts'
import { isInsecure } from './origins.ts'
import type { Report } from './problem.ts'
import type { Values, Variable } from './schema.ts'

export function reportCombinations(given: Given, values: Values, report: Report): void {
  reportInsecureUrl(given, values, report)
  reportMissing('DATABASE_URL', 'SECRET_KEY', given, report)
  reportMissing('ADMIN_EMAIL', 'ADMIN_PASSWORD', given, report)
  reportMissing('ADMIN_PASSWORD', 'ADMIN_EMAIL', given, report)
  reportPorts(given, values, report)
}

function reportMissing(present: Variable, missing: Variable, given: Given, report: Report): void {
  if (!given.has(present) || given.has(missing)) return
  report({ variable: missing, expected: `a value, because ${present} is set`, got: 'nothing' })
}

const HTTPS_EXPECTED =
  'https, because with http everybody on the network can read passwords and tokens (http is for localhost, 127.0.0.1 and [::1]; ALLOW_INSECURE_HTTP=true accepts it anyway)'

/** OAuth 2.1 §1.5: an authorization server without TLS gives every token away. */
function reportInsecureUrl(given: Given, values: Values, report: Report): void {
  const { PUBLIC_URL: origin, ALLOW_INSECURE_HTTP: allowed } = values
  if (origin === undefined || !isInsecure(origin) || allowed) return
  report({ variable: given.get('PUBLIC_URL')?.from ?? 'PUBLIC_URL', expected: HTTPS_EXPECTED, got: origin })
}

function reportPorts(given: Given, values: Values, report: Report): void {
  if (values.METRICS_PORT !== values.PORT) return
  const variable = given.get('METRICS_PORT')?.from ?? 'METRICS_PORT'
  report({ variable, expected: 'another port than PORT', got: String(values.PORT) })
}
