// Owns the marks on a client that it cannot claim for itself: what an operator lets it do, and that it is shared.

import { parseScope } from '../oauth/scope.ts'
import type { Members } from './client-metadata-members.ts'

/** Members of the stored metadata. Whatever a registration or a document says under these names is dropped. */
const SKIP_CONSENT = 'gatehouse:skip_consent'
const SCOPE = 'gatehouse:scope'
const INTROSPECTS = 'gatehouse:introspects'
const SHARED = 'gatehouse:shared'

export const CLIENT_MARKS = [SKIP_CONSENT, SCOPE, INTROSPECTS, SHARED] as const

/** The member by which a registered client is known that two requests were given. */
export const SHARED_NOTE = { [SHARED]: true } as const

export interface ClientMarks {
  /** A first-party client: people are not asked whether they agree. */
  readonly skipConsent: boolean
  /** What it may have without a person (client credentials, token exchange); nothing unless the operator said so. */
  readonly scopes: ReadonlySet<string>
  /** The resources as whose server it may introspect tokens (RFC 7662); null for any of ours, empty: it is none. */
  readonly introspects: ReadonlySet<string> | null
}

export const NO_MARKS: ClientMarks = { skipConsent: false, scopes: new Set(), introspects: new Set() }

/** Of `client.metadata()`. What is not readable as a mark grants nothing. */
export function marksOf(metadata: Members): ClientMarks {
  const { [SKIP_CONSENT]: skipConsent, [SCOPE]: scope, [INTROSPECTS]: introspects } = metadata
  return {
    skipConsent: skipConsent === true,
    scopes: parseScope(typeof scope === 'string' ? scope : ''),
    introspects: introspects === true ? null : new Set(strings(introspects)),
  }
}

/** `resource`: the canonical identifier that the token is for. */
export function mayIntrospect({ introspects }: ClientMarks, resource: string): boolean {
  return introspects === null || introspects.has(resource)
}

/** The members to store, without those that say nothing. */
export function markMembers({ skipConsent, scopes, introspects }: ClientMarks): Members {
  return {
    ...(skipConsent && { [SKIP_CONSENT]: true }),
    ...(scopes.size > 0 && { [SCOPE]: [...scopes].toSorted().join(' ') }),
    ...(introspects === null && { [INTROSPECTS]: true }),
    ...(introspects !== null && introspects.size > 0 && { [INTROSPECTS]: [...introspects].toSorted() }),
  }
}

/** Two requests registered it, so its identifier is nobody's secret, and what a person agreed to once does not count. */
export function isShared(metadata: Members): boolean {
  return metadata[SHARED] === true
}

export function withoutMarks(metadata: Members): Members {
  const marks: readonly string[] = CLIENT_MARKS
  return Object.fromEntries(Object.entries(metadata).filter(([member]) => !marks.includes(member)))
}

function strings(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.filter((member): member is string => typeof member === 'string') : []
}
