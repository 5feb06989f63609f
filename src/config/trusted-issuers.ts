// Owns the identity providers whose word replaces a person's consent: TRUSTED_ISSUER_<NAME>_…, one provider per name.

import { entryName, memberOf } from './families.ts'
import type { Given, GivenText } from './given.ts'
import { isInsecure } from './origins.ts'
import { type Report, shown } from './problem.ts'

export interface TrustedIssuerConfig {
  readonly name: string
  /** Exactly as given: what `iss` has to be. */
  readonly issuer: string
  readonly jwksUri: string
  /** In lower case; empty: addresses of every domain. */
  readonly emailDomains: readonly string[]
  readonly createUsers: boolean
}

const FAMILY = 'TRUSTED_ISSUER'
const FIELDS = ['ISSUER', 'JWKS_URI', 'EMAIL_DOMAINS', 'CREATE_USERS'] as const
type Field = (typeof FIELDS)[number]

const DOMAIN = /^(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.)+[a-z0-9-]{2,}$/
const SWITCHES = new Map([
  ['true', true],
  ['false', false],
])

/** Every provider that is in order; every problem is reported. */
export function readTrustedIssuers(given: Given, report: Report): readonly TrustedIssuerConfig[] {
  const members = [...given.keys()].map(memberOf)
  const entries = new Set(members.flatMap((member) => (member?.family === FAMILY ? member.entry : [])))
  const issuers = [...entries].flatMap((entry) => readIssuer(entry, given, report) ?? [])
  reportSame(issuers, report)
  return issuers
}

function readIssuer(entry: string, given: Given, report: Report): TrustedIssuerConfig | null {
  const fieldOf = (field: Field): GivenText => {
    const variable = `${FAMILY}_${entry}_${field}`
    return given.get(variable) ?? { from: variable, text: null }
  }
  const issuer = readUrl(fieldOf('ISSUER'), report)
  const jwksUri = readUrl(fieldOf('JWKS_URI'), report)
  const emailDomains = readDomains(fieldOf('EMAIL_DOMAINS'), report)
  const createUsers = readSwitch(fieldOf('CREATE_USERS'), report)
  if (issuer === null || jwksUri === null) return null
  return { name: entryName(entry), issuer, jwksUri, emailDomains, createUsers }
}

/** RFC 8414 §2: https, no query, no fragment; http on this machine, for trying things. */
function readUrl({ from, text }: GivenText, report: Report): string | null {
  const url = text?.trim()
  if (url && /^https?:\/\/[^\s?#@\\]+$/.test(url) && URL.canParse(url) && !isInsecure(url)) return url
  report({ variable: from, expected: 'an https URL without user, query and fragment', got: shown(url) })
  return null
}

function readDomains({ from, text }: GivenText, report: Report): readonly string[] {
  if (text === null) return []
  const domains = text.split(',').map((domain) => domain.trim().toLowerCase())
  if (!domains.every((domain) => DOMAIN.test(domain)))
    report({ variable: from, expected: 'domains such as example.com, separated by commas', got: shown(text) })
  return domains
}

function readSwitch({ from, text }: GivenText, report: Report): boolean {
  if (text === null) return false
  const value = SWITCHES.get(text.trim().toLowerCase())
  if (value === undefined) report({ variable: from, expected: 'true or false', got: shown(text) })
  return value ?? false
}

/** Two with one issuer would leave it open whose rules hold. */
function reportSame(issuers: readonly TrustedIssuerConfig[], report: Report): void {
  for (const [at, { name, issuer }] of issuers.entries()) {
    if (issuers.findIndex((other) => other.issuer === issuer) === at) continue
    const variable = `${FAMILY}_${name.toUpperCase().replaceAll('-', '_')}_ISSUER`
    report({ variable, expected: 'an issuer that no other entry has', got: shown(issuer) })
  }
}
