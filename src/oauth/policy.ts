// Owns the vocabulary of the operator's policy: who may use what, beyond what people agreed to; and the groups it speaks of.

import { emailKey } from './email.ts'

/** `read-only`: what reads is allowed, what changes something is denied. */
export type Effect = 'allow' | 'read-only' | 'deny'

/** Of each, `*` stands for any characters. */
type Patterns = readonly string[]

/** A condition on the arguments of a call; null: they are too much to be judged. */
export type Condition = (given: Readonly<Record<string, unknown>>) => boolean | null

/** Of the conditions, null is none: the rule holds whatever it is. */
export interface Rule {
  /** Its place among the rules, from 1 on. */
  readonly number: number
  readonly effect: Effect
  /** By name. */
  readonly upstreams: Patterns | null
  /** Names of groups, and addresses as `emailKey` gives them; who is none of these is not meant. */
  readonly people: ReadonlySet<string> | null
  /** By client id; a key of the API by its own id. */
  readonly clients: Patterns | null
  /** What it is about. When all four are null: every tool, prompt and resource. */
  readonly tools: Patterns | null
  readonly prompts: Patterns | null
  /** By URI. */
  readonly resources: Patterns | null
  readonly methods: Patterns | null
  readonly arguments: Condition | null
  /** For whoever is denied because of it. */
  readonly reason: string | null
}

export interface Policy {
  /** Addresses, as `emailKey` gives them, by the name of the group. */
  readonly groups: ReadonlyMap<string, ReadonlySet<string>>
  /** The first that holds decides. */
  readonly rules: readonly Rule[]
  /** For tools, prompts and resources that no rule is about. */
  readonly default: Effect
  /** For methods that no revision of MCP has. */
  readonly unknownMethods: 'allow' | 'deny'
  /** Whether lists leave out what a step-up would make callable. */
  readonly hideUngranted: boolean
}

export interface Member {
  readonly email: string
  /** As stored with the person. */
  readonly groups: readonly string[]
}

/** Of letters that no address consists of alone, so that neither can be taken for the other. */
export const GROUP_NAME = /^[a-z0-9][a-z0-9._-]{0,63}$/

/**
 * What an access token says of a person for the rules' sake: the groups, and the address where a rule names it. A token is
 * readable by its client, so the address is in it for no other reason.
 */
export function groupsOf(policy: Policy | null, { email, groups }: Member): readonly string[] {
  const address = emailKey(email)
  const listed = [...(policy?.groups ?? [])].filter(([, members]) => members.has(address))
  const named = policy?.rules.some(({ people }) => people?.has(address)) === true
  return [...new Set([...groups, ...listed.map(([name]) => name), ...(named ? [address] : [])])].sort()
}
