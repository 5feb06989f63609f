// Owns what every part of the app is built from, and what the tests put in the place of it.

import type { UpstreamLogins } from './app-logins.ts'
import type { RevocationList } from './authorization-server/revocation-list.ts'
import type { Config } from './config/config.ts'
import type { AnswerBudget } from './http/answer-budget.ts'
import type { TrustProxy } from './http/client-address.ts'
import type { FailedAttempts } from './http/failed-attempts.ts'
import type { GuardedFetch } from './http/guarded-fetch.ts'
import type { OutboundFetch } from './http/outbound.ts'
import type { Pages } from './http/pages.ts'
import type { Mailbox } from './mcp/mailbox.ts'
import type { StandingPolicy } from './oauth/standing-policy.ts'
import type { Audit } from './ops/audit.ts'
import type { Logger } from './ops/logger.ts'
import type { PasswordCost } from './sign-in/password.ts'
import { type OpenCounters, openInMemory, openInPostgres } from './sign-in/throttle-store.ts'
import type { OpenDatabase } from './storage/database.ts'
import type { Keyring } from './storage/sealing.ts'
import type { OpenLinks } from './upstreams/links.ts'
import type { Registry } from './upstreams/registry.ts'
import type { ToolCatalogue } from './upstreams/tools.ts'

export interface Overrides {
  readonly logger: Logger
  /** Opened, and later closed, by the caller. */
  readonly storage?: OpenDatabase
  /** Cheaper passwords, for tests. */
  readonly passwordCost?: PasswordCost
  /** What fetches documents that strangers name; tests let it reach a server of theirs. */
  readonly outboundFetch?: OutboundFetch
  /** What logs in at upstreams; the same. */
  readonly upstreamFetch?: GuardedFetch
  /** How long a replica may take to renew a login at an upstream before another one tries; tests wait for it. */
  readonly upstreamLeaseSeconds?: number
  /** How often the signing keys are read again; tests wait for it. */
  readonly signingKeyPollMs?: number
  /** How often it is looked what operators did at the command line; the same. */
  readonly commandEventsPollMs?: number
  /** The configuration as it is written now. Without it the upstreams and the policy stay as they were at the start. */
  readonly readConfig?: () => Config
  /** How often the files of the upstreams and the policy are looked at; tests wait for it. */
  readonly filePollMs?: number
  /** Smaller ones, for tests. */
  readonly registrationLimits?: { readonly unused?: number }
}

/** What every part is built from. */
export interface Foundation {
  readonly config: Config
  readonly logger: Logger
  readonly audit: Audit
  readonly storage: OpenDatabase
  readonly keyring: Keyring
  readonly registry: Registry
  readonly policy: StandingPolicy
  readonly pages: Pages
  /** Of secrets, codes, tokens and keys, by the address that they came from. */
  readonly failures: FailedAttempts
  readonly mailbox: Mailbox
  readonly links: OpenLinks
  readonly budget: AnswerBudget
  readonly catalogue: ToolCatalogue
  readonly revocations: RevocationList
  readonly logins: UpstreamLogins
}

export function countersOf({ pool }: OpenDatabase): OpenCounters {
  return pool ? openInPostgres(pool) : openInMemory()
}

/** A number is how many proxies stand in front. */
export function trustProxyOf({ trustProxy }: Config): TrustProxy {
  if (typeof trustProxy === 'number') return (_address, hop) => hop < trustProxy
  return typeof trustProxy === 'object' ? [...trustProxy] : trustProxy
}
