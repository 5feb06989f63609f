// Owns how each change of a remembered legacy session is written: into a new row, and into one that is there.
import { type RawBuilder, sql } from 'kysely'

export type BridgeSessionChange =
  | { readonly kind: 'level'; readonly level: string }
  | { readonly kind: 'subscribe' | 'unsubscribe'; readonly uri: string }
  | { readonly kind: 'end' }

export interface Writing {
  readonly first: { readonly log_level?: string; readonly subscriptions?: string[]; readonly ended?: boolean }
  readonly later: {
    readonly log_level?: string
    readonly subscriptions?: RawBuilder<string[]>
    readonly ended?: boolean
  }
  readonly only: RawBuilder<boolean>
}

const ALWAYS = sql<boolean>`true`

export function writingOf(wanted: BridgeSessionChange, mostSubscriptions: number): Writing {
  switch (wanted.kind) {
    case 'level':
      return { first: { log_level: wanted.level }, later: { log_level: wanted.level }, only: ALWAYS }
    case 'end':
      return {
        first: { ended: true },
        later: { ended: true, subscriptions: sql<string[]>`'{}'::text[]` },
        only: ALWAYS,
      }
    case 'subscribe':
      return subscribing(wanted.uri, mostSubscriptions)
    case 'unsubscribe':
      return {
        first: {},
        later: { subscriptions: sql<string[]>`array_remove(bridge_sessions.subscriptions, ${wanted.uri})` },
        only: ALWAYS,
      }
  }
}

function subscribing(uri: string, most: number): Writing {
  const others = sql<string[]>`array_remove(bridge_sessions.subscriptions, ${uri})`
  return {
    first: { subscriptions: [uri] },
    later: { subscriptions: sql<string[]>`array_append(${others}, ${uri})` },
    only: sql<boolean>`cardinality(${others}) < ${most}`,
  }
}
