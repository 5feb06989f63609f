// Owns the external identity providers of the configuration: SIGN_IN_<NAME>_…, one provider per name.

import { entryName, memberOf } from './families.ts'
import type { Given, GivenText } from './given.ts'
import { isInsecure } from './origins.ts'
import { type Report, shown } from './problem.ts'

export interface IdentityProviderConfig {
  readonly name: string
  readonly kind: 'openid' | 'github' | 'gitlab'
  /** Exactly as given. Null: the public service of that name. */
  readonly issuer: string | null
  readonly clientId: string
  readonly clientSecret: string
}

const NAME = /^[a-z0-9][a-z0-9-]{0,31}$/
const FIELDS = ['ISSUER', 'CLIENT_ID', 'CLIENT_SECRET'] as const
type Field = (typeof FIELDS)[number]

/** Every provider that is in order; every problem is reported. */
export function readIdentityProviders(given: Given, report: Report): readonly IdentityProviderConfig[] {
  const providers = new Map<string, IdentityProviderConfig>()
  for (const entry of entriesOf(given)) {
    const provider = readProvider(entry, given, report)
    if (provider === null) continue
    if (providers.has(provider.name)) {
      const got = `a second ${JSON.stringify(provider.name)}`
      report({ variable: `SIGN_IN_${entry}_CLIENT_ID`, expected: 'each provider once', got })
    }
    providers.set(provider.name, provider)
  }
  return [...providers.values()]
}

function entriesOf(given: Given): ReadonlySet<string> {
  const members = [...given.keys()].map(memberOf)
  return new Set(members.flatMap((member) => (member?.family === 'SIGN_IN' ? member.entry : [])))
}

function readProvider(entry: string, given: Given, report: Report): IdentityProviderConfig | null {
  const name = entryName(entry)
  const kind = name === 'github' || name === 'gitlab' ? name : 'openid'
  const fieldOf = (field: Field): GivenText | undefined => given.get(`SIGN_IN_${entry}_${field}`)
  const missing = FIELDS.filter(
    (field) => fieldOf(field) === undefined && (field !== 'ISSUER' || kind === 'openid'),
  )
  for (const field of missing) {
    report({
      variable: `SIGN_IN_${entry}_${field}`,
      expected: 'a value, because its companions are set',
      got: 'nothing',
    })
  }
  if (!NAME.test(name)) reportName(entry, report)
  const issuer = fieldOf('ISSUER')
  reportIssuer(issuer, report)
  const [clientId, clientSecret] = [fieldOf('CLIENT_ID')?.text?.trim(), fieldOf('CLIENT_SECRET')?.text]
  if (clientId === undefined || clientSecret === undefined || clientSecret === null) return null
  return { name, kind, issuer: issuer?.text?.trim() ?? null, clientId, clientSecret }
}

function reportName(entry: string, report: Report): void {
  const expected = 'a name of 1 to 32 letters, digits and underscores, no underscore first'
  report({ variable: `SIGN_IN_${entry}_CLIENT_ID`, expected, got: JSON.stringify(entry) })
}

/** OpenID Connect Discovery §3: https, no query, no fragment. */
function reportIssuer(given: GivenText | undefined, report: Report): void {
  if (given === undefined || given.text === null) return
  const text = given.text.trim()
  if (/^https?:\/\/[^\s?#@\\]+$/.test(text) && URL.canParse(text) && !isInsecure(text)) return
  report({
    variable: given.from,
    expected: 'an https URL without user, query and fragment',
    got: shown(text),
  })
}
