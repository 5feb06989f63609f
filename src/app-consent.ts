// Owns what the consent page is told of the tools behind an upstream: those that the person may have with this app at all.

import { setTimeout } from 'node:timers/promises'
import type { Foundation } from './app-foundation.ts'
import type { Asker } from './consent/plugin.ts'
import { callable } from './gateway/policy/visible.ts'
import { groupsOf } from './oauth/policy.ts'
import type { Tools } from './oauth/tool.ts'
import * as users from './storage/users.ts'
import { SERVICE_VISITOR } from './upstreams/service-visitor.ts'

const TOOLS_FOR_PAGES_MS = 1500

/**
 * What the operator's policy denies is left out: agreeing to it would change nothing. A person does not wait for an upstream
 * that does not answer.
 */
export function offeredTools({ registry, catalogue, config, storage }: Foundation) {
  const groupsFor = async (accountId: string): Promise<ReadonlySet<string>> => {
    const user = config.policy && (await users.findById(storage.db, accountId))
    return new Set(user ? groupsOf(config.policy, user) : [])
  }
  return async (name: string, { accountId, clientId }: Asker): Promise<Tools | undefined> => {
    const upstream = registry.upstreams().find((each) => each.name === name)
    if (!upstream) return undefined
    const waited = setTimeout(TOOLS_FOR_PAGES_MS, undefined, { ref: false })
    const caller = { ...SERVICE_VISITOR.caller, subject: accountId }
    const tools = await Promise.race([catalogue.toolsOf(upstream, [], caller), waited])
    return tools && callable(config.policy, name, { groups: await groupsFor(accountId), clientId }, tools)
  }
}
