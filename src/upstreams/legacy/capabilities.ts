// Owns what is said of capabilities across the eras: what a legacy upstream learns of the client, and the client of it.

import { isRecord, type Members } from '../../mcp/rpc.ts'
import { TASKS_EXTENSION } from '../../mcp/tasks.ts'

/** What a client of the modern era can do that a legacy upstream has a word for. Its roots do not change: it could not say so. */
const OF_CLIENTS = ['elicitation', 'sampling', 'experimental', 'extensions'] as const
/** Tasks were an experiment with methods of their own, which the modern era has not; see mrtr.mdx for what asks. */
const OF_SERVERS = [
  'experimental',
  'logging',
  'completions',
  'prompts',
  'resources',
  'tools',
  'extensions',
] as const

export function clientCapabilities(given: Members): Members {
  const known = pick(given, OF_CLIENTS)
  return isRecord(given.roots) ? { ...known, roots: {} } : known
}

export function serverCapabilities(given: Members): Members {
  return pick(given, OF_SERVERS)
}

/** Whether an upstream may ask this client for anything. */
export function canBeAsked({ elicitation, sampling, roots }: Members): boolean {
  return isRecord(elicitation) || isRecord(sampling) || isRecord(roots)
}

/** Client capabilities, "Form and URL mode support": `{}` means form alone. */
export function elicits(mode: 'form' | 'url', { elicitation }: Members): boolean {
  if (!isRecord(elicitation)) return false
  if (mode === 'url') return isRecord(elicitation.url)
  return isRecord(elicitation.form) || !isRecord(elicitation.url)
}

export function flag(capabilities: Members, area: string, name: string): boolean {
  const value = capabilities[area]
  return isRecord(value) && value[name] === true
}

function pick(given: Members, names: readonly string[]): Members {
  const known = names.flatMap((name) => {
    const value = given[name]
    return isRecord(value) ? [[name, name === 'extensions' ? withoutTasks(value) : value] as const] : []
  })
  return Object.fromEntries(known)
}

function withoutTasks(extensions: Members): Members {
  return Object.fromEntries(Object.entries(extensions).filter(([name]) => name !== TASKS_EXTENSION))
}
