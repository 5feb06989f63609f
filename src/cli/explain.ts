// Owns `gatehouse explain`: whether a person's call of a tool would pass, and which rule or scope says so.

import { parseArgs } from 'node:util'
import type { Config } from '../config/config.ts'
import { type Explanation, explain } from '../gateway/policy/explain.ts'
import { createLocalMailbox } from '../mcp/mailbox.ts'
import { groupsOf } from '../oauth/policy.ts'
import type { Tools } from '../oauth/tool.ts'
import type { Database } from '../storage/database.ts'
import * as stored from '../storage/upstream-tools.ts'
import type { User } from '../storage/users.ts'
import { staticCredentials } from '../upstreams/credentials.ts'
import { createLinks } from '../upstreams/links.ts'
import { createRegistry, type Upstream } from '../upstreams/registry.ts'
import { createToolCatalogue } from '../upstreams/tools.ts'
import { type Opened, withDatabase } from './database.ts'
import { type Granted, grantedTo } from './explain-grant.ts'
import { print } from './output.ts'
import type { Command } from './types.ts'
import { existing } from './user-group.ts'

const OPTIONS = {
  upstream: { type: 'string' },
  client: { type: 'string' },
  scopes: { type: 'string' },
  arguments: { type: 'string' },
  json: { type: 'boolean' },
} as const

const USAGE = `Usage: gatehouse explain EMAIL TOOL [--upstream NAME] [--client ID] [--scopes SCOPES] [--arguments JSON] [--json]`

export const explainCommand: Command = {
  summary: 'Say whether a person may call a tool, and why',
  usage: `${USAGE}

Decides as the gateway would, by the rules of POLICY and by scopes, and says which of them it was. With --client, the id of an app or
of an API key, by what the person allowed to it; with --scopes as if it had these; otherwise as if it had the scope for everything.
The upstream is asked for its tools; when it does not answer, what it said last counts. With the embedded database, stop the service
first.`,
  async run(args) {
    const { values, positionals } = parseArgs({ args: [...args], options: OPTIONS, allowPositionals: true })
    const [email, tool] = positionals
    if (!email || !tool || positionals.length > 2)
      throw new Error('Say `gatehouse explain EMAIL TOOL`; see --help.')
    const given = argumentsOf(values.arguments)
    await withDatabase((opened) => answer(opened, { ...values, email, tool, arguments: given }))
  },
}

interface Typed {
  readonly email: string
  readonly tool: string
  readonly upstream?: string
  readonly client?: string
  readonly scopes?: string
  readonly arguments: unknown
  readonly json?: boolean
}

async function answer({ db, config }: Opened, typed: Typed): Promise<void> {
  const user = await existing(db, typed.email)
  const upstream = upstreamOf(config, typed.upstream)
  const tools = await toolsOf(db, upstream, typed.tool)
  const granted = await grantedTo(db, user, upstream, typed)
  const groups = groupsOf(config.policy, user)
  const caller = { ...granted, groups: new Set(groups) }
  const { tool, arguments: given } = typed
  const explanation = explain({ caller, policy: config.policy, upstream, tools, tool, arguments: given })
  const allowed = explanation.allowed && user.disabledAt === null
  const shown = {
    ...explanation,
    allowed,
    person: { email: user.email, disabled: user.disabledAt !== null, groups },
    upstream: upstream.name,
    tool,
  }
  print(shown, typed.json, linesOf(explanation, { user, upstream, tool, groups, granted, allowed }))
}

interface About {
  readonly user: User
  readonly upstream: Upstream
  readonly tool: string
  readonly groups: readonly string[]
  readonly granted: Granted
  readonly allowed: boolean
}

function linesOf({ policy, scope, notes }: Explanation, about: About): readonly string[] {
  const { user, upstream, tool, groups, granted, allowed } = about
  const yes = (is: boolean) => (is ? 'yes' : 'no ')
  return [
    `${allowed ? 'Yes' : 'No'}: ${user.email} ${allowed ? 'may' : 'may not'} call ${tool} at ${upstream.name}.`,
    `  ${yes(user.disabledAt === null)}  person  ${user.disabledAt === null ? `in ${groups.join(', ') || 'no group'}` : 'is disabled'}`,
    `  ${yes(policy.allowed)}  policy  ${policy.text}`,
    `  ${yes(scope.allowed)}  scope   ${scope.text}`,
    ...[granted.origin, ...notes].map((note) => `       ${note}`),
  ]
}

function upstreamOf({ upstreams, publicUrl }: Config, name: string | undefined): Upstream {
  if (upstreams.length === 0)
    throw new Error('There is only the demo upstream, and it is not running. Set UPSTREAMS.')
  const known = createRegistry(upstreams, publicUrl).upstreams()
  const found = known.filter((each) => name === undefined || each.name === name)
  const [only] = found
  if (only && found.length === 1) return only
  const names = known.map((each) => each.name).join(', ')
  const wanted = name === undefined ? 'There are several upstreams' : `There is no upstream "${name}"`
  throw new Error(`${wanted}: say --upstream with one of ${names}, and the tool by the name it has there.`)
}

/** What it says now, or what it said last. */
async function toolsOf(db: Database, upstream: Upstream, tool: string): Promise<Tools> {
  const links = createLinks({
    credentialFor: staticCredentials,
    // Nobody is asked anything, so nobody comes back.
    sealer: { seal: () => '', open: () => null },
    mailbox: createLocalMailbox(),
    has: () => true,
    programLog: { wrote: () => undefined, died: () => undefined },
    failureLog: () => undefined,
    apiProblem: () => undefined,
  })
  const catalogue = createToolCatalogue({
    peerOf: links.peerOf,
    report: () => undefined,
    observe: (name, tools) => stored.observe(db, name, tools),
  })
  try {
    const now = await catalogue.toolsOf(upstream, [tool])
    return now.size > 0 ? now : await stored.lastSeen(db, upstream.name)
  } finally {
    await links.close()
  }
}

function argumentsOf(text: string | undefined): unknown {
  if (text === undefined) return undefined
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw new Error('--arguments is JSON, such as {"force": true}.', { cause })
  }
}
