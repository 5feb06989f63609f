// Owns what both sides can do, in the words of the other era: pure.

import type { Discovery } from '../../../mcp/peer.ts'
import { isRecord, type Members } from '../../../mcp/rpc.ts'
import { TASKS_EXTENSION } from '../../../mcp/tasks.ts'
import type { Offers } from './handle.ts'

/** What a client says about itself that an upstream has a use for. Icons and the like would not fit into a header. */
const CLIENT_INFO_MEMBERS = ['name', 'title', 'version'] as const
const CLIENT_CAPABILITIES = ['experimental', 'sampling', 'elicitation'] as const
const SERVER_CAPABILITIES = [
  'experimental',
  'logging',
  'completions',
  'prompts',
  'resources',
  'tools',
] as const

export function modernCapabilities(legacy: unknown): Members {
  if (!isRecord(legacy)) return {}
  return {
    ...records(legacy, CLIENT_CAPABILITIES),
    // Without `listChanged`: the modern era asks for the roots each time.
    ...(isRecord(legacy.roots) && { roots: {} }),
    ...extensionsIn(legacy),
  }
}

export function modernClientInfo(legacy: unknown): Members | null {
  if (!isRecord(legacy) || typeof legacy.name !== 'string' || typeof legacy.version !== 'string') return null
  return Object.fromEntries(
    CLIENT_INFO_MEMBERS.flatMap((member) =>
      typeof legacy[member] === 'string' ? [[member, legacy[member]]] : [],
    ),
  )
}

/** Of a client that cannot be asked, because it takes no stream: better known before than in the middle of a call. */
export function withoutQuestions({ elicitation, sampling, roots, ...others }: Members): Members {
  return others
}

export function legacyCapabilities({ capabilities }: Discovery): Members {
  return { ...records(capabilities, SERVER_CAPABILITIES), ...extensionsIn(capabilities) }
}

export function offersOf({ capabilities }: Discovery): Offers {
  const { logging, tools, prompts, resources } = capabilities
  return {
    logging: isRecord(logging),
    subscribe: isRecord(resources) && resources.subscribe === true,
    toolsListChanged: isRecord(tools) && tools.listChanged === true,
    promptsListChanged: isRecord(prompts) && prompts.listChanged === true,
    resourcesListChanged: isRecord(resources) && resources.listChanged === true,
  }
}

function records(from: Members, names: readonly string[]): Members {
  return Object.fromEntries(names.flatMap((name) => (isRecord(from[name]) ? [[name, from[name]]] : [])))
}

function extensionsIn({ extensions }: Members): Members {
  if (!isRecord(extensions)) return {}
  // Modern tasks would need messages that the client's era has not; its own tasks are another protocol.
  const others = Object.entries(extensions).filter(([name]) => name !== TASKS_EXTENSION)
  return others.length === 0 ? {} : { extensions: Object.fromEntries(others) }
}
