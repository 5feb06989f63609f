// Owns which tools are a question of a person's consent: those that the operator's policy lets the person have with this app.

import { setTimeout } from 'node:timers/promises'
import type { Foundation } from './app-foundation.ts'
import type { Asker } from './consent/plugin.ts'
import { callable } from './gateway/policy/visible.ts'
import { groupsOf } from './oauth/policy.ts'
import type { ProtectedResource } from './oauth/resource.ts'
import type { Tools } from './oauth/tool.ts'
import * as users from './storage/users.ts'
import { SERVICE_VISITOR } from './upstreams/service-visitor.ts'

const TOOLS_FOR_PAGES_MS = 1500

type Needs = Pick<Foundation, 'registry' | 'catalogue' | 'policy' | 'storage'>

/** For the consent page. A person does not wait for an upstream that does not answer. */
export function offeredTools(needs: Needs) {
  const { registry, catalogue } = needs
  return async (name: string, asker: Asker): Promise<Tools | undefined> => {
    const upstream = registry.upstreams().find((each) => each.name === name)
    if (!upstream) return undefined
    const waited = setTimeout(TOOLS_FOR_PAGES_MS, undefined, { ref: false })
    const caller = { ...SERVICE_VISITOR.caller, subject: asker.accountId }
    const tools = await Promise.race([catalogue.toolsOf(upstream, [], caller), waited])
    return tools && allowedTools(needs, name, asker, tools)
  }
}

/** Whether there are some that came after the person agreed (seconds since the epoch) and are held until that happens again. */
export function heldTools(needs: Needs) {
  const { registry, catalogue } = needs
  return async ({ upstreams }: ProtectedResource, agreedAt: number, asker: Asker): Promise<boolean> => {
    const names = new Set(upstreams.map(({ name }) => name))
    const holding = registry.upstreams().filter(({ name, holdNewTools }) => holdNewTools && names.has(name))
    const listed = await Promise.all(
      holding.map(async (upstream) =>
        allowedTools(needs, upstream.name, asker, await catalogue.toolsOf(upstream)),
      ),
    )
    return listed.some((tools) => tools.values().some(({ since }) => since > agreedAt))
  }
}

/** What the policy denies is left out: agreeing to it would change nothing. */
async function allowedTools(
  { policy: standing, storage }: Needs,
  upstream: string,
  { accountId, clientId }: Asker,
  tools: Tools,
): Promise<Tools> {
  const policy = standing.current()
  const user = policy && (await users.findById(storage.db, accountId))
  const groups = new Set(user ? groupsOf(policy, user) : [])
  return callable(policy, upstream, { groups, clientId }, tools)
}
