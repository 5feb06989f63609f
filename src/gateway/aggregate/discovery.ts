// Owns what the aggregate says of itself: all that its upstreams can do, and what they say about their use.

import type { Discovery, Freshness } from '../../mcp/peer.ts'
import { isRecord, type Members } from '../../mcp/rpc.ts'
import { TASKS_EXTENSION } from '../../mcp/tasks.ts'
import type { Gathered, Member } from './member.ts'
import { AGGREGATE_INFO } from './shown.ts'

const INSTRUCTIONS_LENGTH = 16_384

/** Those whose names and ids are known here, and lead back to their upstream. */
const EXTENSIONS: ReadonlySet<string> = new Set(['io.modelcontextprotocol/ui', TASKS_EXTENSION])
/** A client that learns once what there is must not miss what an absent upstream has. */
const OF_AN_ABSENT_ONE: Members = { prompts: {}, resources: {} }

export function mergedDiscovery(
  { answers, missing }: Gathered<Discovery>,
  members: readonly Member[],
): Discovery {
  const all = [
    ...answers.map(({ answer }) => answer.capabilities),
    ...(missing.length > 0 ? [OF_AN_ABSENT_ONE] : []),
  ]
  return {
    capabilities: mergedCapabilities(all),
    serverInfo: AGGREGATE_INFO,
    instructions: [introduction(members), ...chapters(answers)].join('\n\n'),
    ...(missing.length > 0 ? { freshness: NONE } : freshnessOf(answers)),
  }
}

const NONE: Freshness = { ttlMs: 0, cacheScope: 'private' }

/** As fresh as the oldest part, as far as the parts say. */
function freshnessOf(answers: Gathered<Discovery>['answers']): Pick<Discovery, 'freshness'> {
  const told = answers.flatMap(({ answer: { freshness } }) => (freshness ? [freshness.ttlMs] : []))
  return told.length === 0 ? {} : { freshness: { ...NONE, ttlMs: Math.min(...told) } }
}

function mergedCapabilities(all: readonly Members[]): Members {
  const has = (name: string) => all.some((capabilities) => isRecord(capabilities[name]))
  const extensions = Object.assign({}, ...all.map(extensionsOf))
  return {
    // Which upstreams there are, and which of them answer, can change.
    tools: { listChanged: true },
    ...(has('prompts') && { prompts: { listChanged: true } }),
    ...(has('resources') && { resources: { listChanged: true, subscribe: subscribes(all) } }),
    ...(has('completions') && { completions: {} }),
    ...(has('logging') && { logging: {} }),
    ...(Object.keys(extensions).length > 0 && { extensions }),
  }
}

function subscribes(all: readonly Members[]): boolean {
  return all.some(({ resources }) => isRecord(resources) && resources.subscribe === true)
}

function extensionsOf({ extensions }: Members): Members {
  if (!isRecord(extensions)) return {}
  return Object.fromEntries(
    Object.entries(extensions).filter(([name, settings]) => EXTENSIONS.has(name) && isRecord(settings)),
  )
}

/** What an upstream may know of a client here: not what cannot be followed through. */
export function passableCapabilities(capabilities: Members): Members {
  return isRecord(capabilities.extensions)
    ? { ...capabilities, extensions: extensionsOf(capabilities) }
    : capabilities
}

function introduction(members: readonly Member[]): string {
  const lines = members.map(({ upstream: { name, title } }) => `- ${title}: names begin with ${name}_`)
  return [
    'Several servers answer here as one. The name of a tool or prompt begins with the name of its server:',
    ...lines,
    'list_upstreams says what may be used of each, upstream_status which of them answer.',
  ].join('\n')
}

/** Servers of the same make say the same: once is enough, with the names of all that say it. */
function chapters(answers: Gathered<Discovery>['answers']): readonly string[] {
  const headings = new Map<string, string[]>()
  for (const { member, answer } of answers) {
    const text = answer.instructions?.trim().slice(0, INSTRUCTIONS_LENGTH) ?? ''
    const { name, title } = member.upstream
    if (text !== '') headings.set(text, [...(headings.get(text) ?? []), `${title} (${name}_…)`])
  }
  return [...headings].map(([text, servers]) => `# ${servers.join(', ')}\n\n${text}`)
}
