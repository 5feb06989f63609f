// Owns configuring the upstreams and the policy anew while everything runs: when a file changes, at a signal, and never with a
// mistake in it.

import { type Config, ConfigError, type UpstreamConfig } from './config/config.ts'
import { watchFiles } from './config/watched-files.ts'
import type { StandingPolicy } from './oauth/standing-policy.ts'
import type { Logger } from './ops/logger.ts'
import type { Registry } from './upstreams/registry.ts'

/** Where the replicas hear that they are to read again (see mcp/mailbox.ts). */
export const RELOAD_ADDRESS = 'upstreams/reload'

export interface ReloadNeeds {
  readonly registry: Registry
  readonly policy: StandingPolicy
  readonly logger: Logger
  /** Of the start. */
  readonly config: Config
  /** The configuration as it is written now. Throws ConfigError. */
  readonly readConfig: () => Config
  /** How often the files are looked at. */
  readonly everyMs?: number
}

export interface Changes {
  /** Upstreams, by their names. */
  readonly added: readonly string[]
  readonly changed: readonly string[]
  readonly removed: readonly string[]
  /** Whether the policy is another one. */
  readonly policy: boolean
}

export type Reloaded =
  | { readonly kind: 'reloaded'; readonly changes: Changes }
  | { readonly kind: 'unchanged' }
  | { readonly kind: 'refused'; readonly problems: readonly string[] }

export interface Reload {
  /** Reads the configuration again. All of its upstreams and the policy are taken over at once, or nothing is. */
  now(): Reloaded
  stop(): Promise<void>
}

const NONE_LEFT =
  'UPSTREAMS: expected one upstream or more, because the demo upstream comes with a restart only; got none'

export function startReload(needs: ReloadNeeds): Reload {
  const { registry, policy, logger, config, readConfig, everyMs } = needs
  let { followedFiles: files, policyText } = config
  let refused = false

  function attempt(): Reloaded {
    try {
      const next = readConfig()
      files = next.followedFiles
      if (next.upstreams.length === 0 && config.upstreams.length > 0)
        return { kind: 'refused', problems: [NONE_LEFT] }
      return takeOver(next)
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error
      return { kind: 'refused', problems: error.lines }
    }
  }

  /** In one go: no call meets the upstreams of one configuration and the policy of the other. */
  function takeOver(next: Config): Reloaded {
    const named = next.upstreams.length > 0 ? replace(registry, next.upstreams) : NOT_TOUCHED
    const changes = { ...named, policy: next.policyText !== policyText }
    if (changes.policy) policy.replace(next.policy)
    policyText = next.policyText
    const { added, changed, removed } = changes
    const isSame = added.length + changed.length + removed.length === 0 && !changes.policy
    return isSame ? { kind: 'unchanged' } : { kind: 'reloaded', changes }
  }

  /** `asked`: somebody waits for a word. A file that only looks changed is worth none, unless it had a mistake before. */
  function tell(outcome: Reloaded, asked: boolean): void {
    const mended = refused && outcome.kind === 'unchanged'
    refused = outcome.kind === 'refused'
    if (mended || (asked && outcome.kind === 'unchanged'))
      logger.info('the configuration was read again; the upstreams and the policy are as they were')
    if (outcome.kind === 'reloaded')
      logger.info(outcome.changes, 'the upstreams and the policy were configured anew')
    if (outcome.kind !== 'refused') return
    logger.error(
      { problems: outcome.problems },
      'the upstreams and the policy stay as they are: their configuration has problems',
    )
  }

  function now(): Reloaded {
    const outcome = attempt()
    tell(outcome, true)
    return outcome
  }

  const watching = watchFiles({
    files: () => files,
    changed: () => tell(attempt(), false),
    onError: (err) => logger.error({ err }, 'the configuration could not be read again'),
    ...(everyMs !== undefined && { everyMs }),
  })
  return { now, stop: watching.stop }
}

type Named = Omit<Changes, 'policy'>

const NOT_TOUCHED: Named = { added: [], changed: [], removed: [] }

function replace(registry: Registry, upstreams: readonly UpstreamConfig[]): Named {
  const before = new Map(registry.upstreams().map((upstream) => [upstream.name, upstream]))
  registry.replace(upstreams)
  const after = registry.upstreams()
  const names = new Set(after.map(({ name }) => name))
  const added = after.filter(({ name }) => !before.has(name)).map(({ name }) => name)
  const changed = after.filter((each) => before.has(each.name) && before.get(each.name) !== each)
  const removed = [...before.keys()].filter((name) => !names.has(name))
  return { added, changed: changed.map(({ name }) => name), removed }
}
