// Owns what is documented about a variable, kept beside its type so that the two cannot part.

import * as z from 'zod'

export const GROUPS = [
  'Where people find it',
  'Storage and secrets',
  'The first administrator',
  'Upstreams',
  'Policy',
  'Clients and tokens',
  'Sessions',
  'Signing in elsewhere',
  'Access managed by an identity provider',
  'The network around it',
  'Limits',
  'Operations',
] as const

export type Documentation = {
  readonly group: (typeof GROUPS)[number]
  /** Markdown, one paragraph, for somebody who has never seen the variable. */
  readonly meaning: string
  /** A value that is accepted. Null for what has to be random: an example that works would be used. */
  readonly example: string | null
  /** The default in words, where it is not a constant of the schema. */
  readonly fallback?: string
  /** The value is never repeated: not in a problem, not in a log. */
  readonly secret?: true
  /** Read and checked today, used by a later version. */
  readonly reserved?: true
}

export const documentation = z.registry<Documentation>()
