// Owns configuring the upstreams anew while everything runs: when a file changes, at a signal, and never with a mistake in it.

import { type Config, ConfigError, type UpstreamConfig } from './config/config.ts'
import { watchFiles } from './config/watched-files.ts'
import type { Logger } from './ops/logger.ts'
import type { Registry } from './upstreams/registry.ts'

/** Where the replicas hear that they are to read again (see mcp/mailbox.ts). */
export const RELOAD_ADDRESS = 'upstreams/reload'

export interface ReloadNeeds {
  readonly registry: Registry
  readonly logger: Logger
  /** Of the start. */
  readonly config: Config
  /** The configuration as it is written now. Throws ConfigError. */
  readonly readConfig: () => Config
  /** How often the files are looked at. */
  readonly everyMs?: number
}

/** By their names. */
export interface Changes {
  readonly added: readonly string[]
  readonly changed: readonly string[]
  readonly removed: readonly string[]
}

export type Reloaded =
  | { readonly kind: 'reloaded'; readonly changes: Changes }
  | { readonly kind: 'unchanged' }
  | { readonly kind: 'refused'; readonly problems: readonly string[] }

export interface Reload {
  /** Reads the configuration again. All of its upstreams are taken over at once, or none. */
  now(): Reloaded
  stop(): Promise<void>
}

const NONE_LEFT =
  'UPSTREAMS: expected one upstream or more, because the demo upstream comes with a restart only; got none'

export function startReload({ registry, logger, config, readConfig, everyMs }: ReloadNeeds): Reload {
  let files = config.upstreamFiles

  function attempt(): Reloaded {
    try {
      const { upstreams, upstreamFiles } = readConfig()
      files = upstreamFiles
      if (upstreams.length > 0) return replace(registry, upstreams)
      return config.upstreams.length > 0 ? { kind: 'refused', problems: [NONE_LEFT] } : { kind: 'unchanged' }
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error
      return { kind: 'refused', problems: error.lines }
    }
  }

  function tell(outcome: Reloaded): void {
    if (outcome.kind === 'reloaded') logger.info(outcome.changes, 'the upstreams were configured anew')
    if (outcome.kind !== 'refused') return
    logger.error(
      { problems: outcome.problems },
      'the upstreams stay as they are: their configuration has problems',
    )
  }

  function now(): Reloaded {
    const outcome = attempt()
    tell(outcome)
    if (outcome.kind === 'unchanged')
      logger.info('the configuration was read again; the upstreams are as they were')
    return outcome
  }

  const watching = watchFiles({
    files: () => files,
    changed: () => tell(attempt()),
    onError: (err) => logger.error({ err }, 'the configuration could not be read again'),
    ...(everyMs !== undefined && { everyMs }),
  })
  return { now, stop: watching.stop }
}

function replace(registry: Registry, upstreams: readonly UpstreamConfig[]): Reloaded {
  const before = new Map(registry.upstreams().map((upstream) => [upstream.name, upstream]))
  registry.replace(upstreams)
  const after = registry.upstreams()
  const names = new Set(after.map(({ name }) => name))
  const added = after.filter(({ name }) => !before.has(name)).map(({ name }) => name)
  const changed = after.filter((each) => before.has(each.name) && before.get(each.name) !== each)
  const removed = [...before.keys()].filter((name) => !names.has(name))
  if (added.length + changed.length + removed.length === 0) return { kind: 'unchanged' }
  return { kind: 'reloaded', changes: { added, changed: changed.map(({ name }) => name), removed } }
}
