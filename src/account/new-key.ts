// Owns what a person types to get an API key: a name, what it may do, and how long it lasts. Pure.

import { fieldOf, fieldsOf } from '../http/csrf.ts'
import type { FieldProblem } from '../http/interaction-view-data.ts'
import { intersection } from '../oauth/scope.ts'

/** An upstream that a key can open. */
export interface KeyOffer {
  readonly title: string
  /** Broadest first. */
  readonly scopes: readonly { readonly scope: string; readonly label: string }[]
}

export interface TypedKey {
  readonly name: string
  readonly scopes: ReadonlySet<string>
  readonly expiresInSeconds: number
}

export type ReadKey =
  | { readonly kind: 'key'; readonly key: TypedKey }
  | { readonly kind: 'mistakes'; readonly problems: readonly FieldProblem[]; readonly form: KeyForm }

/** The form as it was sent, good or not. */
export interface KeyForm {
  readonly name: string
  readonly scopes: ReadonlySet<string>
  /** Undefined for none of the lifetimes. */
  readonly days: number | undefined
}

const DAY_SECONDS = 24 * 60 * 60
const NAME_LENGTH = 100

/** In days. A key that outlives its purpose is the one that leaks, so none made on a page lasts for ever. */
export const LIFETIMES = [30, 90, 365] as const
export const USUAL_LIFETIME = 90

export const EMPTY_FORM: KeyForm = { name: '', scopes: new Set(), days: USUAL_LIFETIME }

export function readNewKey(body: unknown, offers: readonly KeyOffer[]): ReadKey {
  const name = (fieldOf(body, 'key_name') ?? '').trim()
  const offered = new Set(offers.flatMap(({ scopes }) => scopes.map(({ scope }) => scope)))
  const chosen = new Set(fieldsOf(body, 'key_scope').filter((scope) => offered.has(scope)))
  const days = LIFETIMES.find((lifetime) => String(lifetime) === fieldOf(body, 'key_days'))
  const problems: FieldProblem[] = []
  if (name === '' || name.length > NAME_LENGTH || /\p{Cc}/u.test(name))
    problems.push({ field: 'key_name', message: `Give the key a name, ${NAME_LENGTH} characters or fewer.` })
  if (chosen.size === 0) problems.push({ field: 'key_scope', message: 'Choose what the key may do.' })
  if (days === undefined) problems.push({ field: 'key_days', message: 'Choose how long the key lasts.' })
  if (problems.length > 0 || days === undefined) {
    return { kind: 'mistakes', problems, form: { name, scopes: chosen, days } }
  }
  // Without those that a broader one includes.
  const scopes = intersection(chosen, chosen)
  return { kind: 'key', key: { name, scopes, expiresInSeconds: days * DAY_SECONDS } }
}
