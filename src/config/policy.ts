// Owns the operator's policy as it is written: JSON in POLICY, every mistake reported with its place.

import * as z from 'zod'
import { emailKey } from '../oauth/email.ts'
import { GROUP_NAME, type Policy, type Rule } from '../oauth/policy.ts'
import { readCondition } from './argument-schema.ts'
import type { Given } from './given.ts'
import { parseJson } from './json.ts'
import { kindOf, type Report, shown } from './problem.ts'

const FORM = 'JSON such as {"rules": [{"tools": ["delete_*"], "effect": "deny"}]}'
const EFFECTS = ['allow', 'read-only', 'deny'] as const
const MOST_RULES = 1000
const MOST_NAMES = 10_000
/** What stands in a demo's place; see startDemo. */
const DEMO = 'demo'

const TEXTS = 'a text, or a list of one text or more, of 1 to 1024 characters each'
const text = z.string({ error: TEXTS }).min(1, TEXTS).max(1024, TEXTS)
const texts = z
  .union([text.transform((one) => [one]), z.array(text).min(1, TEXTS).max(MOST_NAMES, TEXTS)], {
    error: TEXTS,
  })
  .optional()

const ADDRESS = 'email addresses'
const address = z
  .string({ error: ADDRESS })
  .regex(/^[^\s@]+@[^\s@]+$|^service:\S+$/, ADDRESS)
  .transform(emailKey)
const addresses = z.array(address, { error: `a list of ${ADDRESS}` }).max(MOST_NAMES)

const GROUP = 'names of groups: 1 to 64 lower-case letters, digits, dots, underscores and hyphens'
const group = z.string({ error: GROUP }).regex(GROUP_NAME, GROUP)

const effect = z.enum(EFFECTS, { error: `one of ${EFFECTS.join(', ')}` })

const condition = z.unknown().transform((schema, context) => {
  const read = readCondition(schema)
  if (typeof read === 'function') return read
  context.issues.push({ code: 'custom', message: read, input: schema })
  return z.NEVER
})

/** Strict, because a member that is misspelled and ignored would make a rule hold for more than was meant. */
const rule = z
  .strictObject(
    {
      effect,
      upstream: texts,
      people: addresses.min(1).optional(),
      groups: z
        .array(group, { error: `a list of ${GROUP}` })
        .min(1)
        .optional(),
      clients: texts,
      tools: texts,
      prompts: texts,
      resources: texts,
      methods: texts,
      arguments: condition.optional(),
      reason: z
        .string({ error: 'one line of text, 200 characters or fewer' })
        .regex(/^[^\p{Cc}]{1,200}$/u, 'one line of text, 200 characters or fewer')
        .optional(),
    },
    { error: 'a rule: an object with an effect, and only members that docs/policy.md names' },
  )
  .refine(
    (given) => given.arguments === undefined || isAboutToolsAlone(given),
    'a rule with arguments to be about tools, and nothing else',
  )

const document = z.strictObject(
  {
    groups: z
      .record(group, addresses, { error: 'an object of groups, each a list of addresses' })
      .default({}),
    rules: z
      .array(rule, { error: 'a list of rules' })
      .max(MOST_RULES, `at most ${MOST_RULES} rules`)
      .default([]),
    default: effect.default('allow'),
    unknownMethods: z.enum(['allow', 'deny'], { error: 'allow or deny' }).default('deny'),
    hideUngranted: z.boolean({ error: 'true or false' }).default(false),
  },
  { error: 'an object with rules, and only members that docs/policy.md names' },
)

type Written = z.output<typeof rule>

/** Null when there is none, or it has a problem; every one is reported. */
export function readPolicy(
  given: Given,
  upstreams: readonly { readonly name: string }[],
  report: Report,
): Policy | null {
  const { text: source = null, from: variable = '' } = given.get('POLICY') ?? {}
  if (source === null) return null
  const json = parseJson(source)
  if ('mistake' in json) {
    report({ variable, expected: FORM, got: json.mistake })
    return null
  }
  const result = document.safeParse(json.value)
  for (const issue of result.error?.issues ?? []) {
    const at = issue.path.length === 0 ? {} : { at: placeOf(issue.path) }
    report({ variable, ...at, expected: issue.message, got: gotOf(issue, json.value) })
  }
  if (!result.success) return null
  reportUnknown(result.data.rules, upstreams, (at, got) =>
    report({
      variable,
      at,
      expected: 'the name of an upstream that is configured, or a pattern with *',
      got,
    }),
  )
  const { groups, rules, ...rest } = result.data
  return {
    ...rest,
    groups: new Map(Object.entries(groups).map(([name, members]) => [name, new Set(members)])),
    rules: rules.map(toRule),
  }
}

function toRule(written: Written, index: number): Rule {
  const { people = [], groups = [] } = written
  const everybody = written.people === undefined && written.groups === undefined
  return {
    number: index + 1,
    effect: written.effect,
    upstreams: written.upstream ?? null,
    people: everybody ? null : new Set([...people, ...groups]),
    clients: written.clients ?? null,
    tools: written.tools ?? null,
    prompts: written.prompts ?? null,
    resources: written.resources ?? null,
    methods: written.methods ?? null,
    arguments: written.arguments ?? null,
    reason: written.reason ?? null,
  }
}

function isAboutToolsAlone({
  tools,
  prompts,
  resources,
  methods,
}: Readonly<Record<string, unknown>>): boolean {
  return tools !== undefined && [prompts, resources, methods].every((other) => other === undefined)
}

/** A name that is misspelled would be a rule that never holds. */
function reportUnknown(
  rules: readonly Written[],
  upstreams: readonly { readonly name: string }[],
  report: (at: string, got: string) => void,
): void {
  const known = new Set(upstreams.length === 0 ? [DEMO] : upstreams.map(({ name }) => name))
  for (const [index, { upstream = [] }] of rules.entries()) {
    for (const name of upstream) {
      if (!name.includes('*') && !known.has(name)) report(placeOf(['rules', index, 'upstream']), `"${name}"`)
    }
  }
}

/** `rules.2.tools` for the second rule: people count from 1. */
function placeOf(path: readonly PropertyKey[]): string {
  return path.map((key) => (typeof key === 'number' ? key + 1 : String(key))).join('.')
}

/** A misspelled member by its name. */
function gotOf(issue: z.core.$ZodIssue, document: unknown): string {
  if (issue.code !== 'unrecognized_keys') return kindOf(memberAt(document, issue.path))
  return `one with ${issue.keys.map(shown).join(', ')}`
}

function memberAt(value: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>(
    (at, key) => (typeof at === 'object' && at !== null ? Reflect.get(at, key) : undefined),
    value,
  )
}
