// Owns what is known of an upstream's tools, and which scopes cover one: pure.

import type { ToolScope } from './resource.ts'
import { fullScope, readScope } from './scope.ts'

export interface Tool {
  readonly name: string
  readonly title: string | null
  /** Its own word for it (`readOnlyHint`); without one it changes things. */
  readonly readOnly: boolean
  /** Whether what it changes can be lost (`destructiveHint`, which is true unless denied). */
  readonly destructive: boolean
  /** Since when it is there, or more dangerous than it was: seconds since the epoch, 0 for the first we saw of the upstream. */
  readonly since: number
}

/** By name. */
export type Tools = ReadonlyMap<string, Tool>

/** Every scope that lets a tool be called, narrowest first; an unknown tool is covered by its name alone. */
export function scopesCovering(
  name: string,
  tool: Tool | undefined,
  upstream: string,
  toolScopes: readonly ToolScope[],
): readonly string[] {
  const finer = toolScopes
    .filter(({ tools }) => tools.some((pattern) => matches(pattern, name)))
    .map(({ scope }) => scope)
  return [...(tool?.readOnly ? [readScope(upstream)] : []), ...finer, fullScope(upstream)]
}

/** `*` stands for any characters; everything else for itself. Linear in the length of the name. */
export function matches(pattern: string, name: string): boolean {
  const star = pattern.indexOf('*')
  if (star === -1) return pattern === name
  // Most rules are about something else.
  if (!name.startsWith(pattern.slice(0, star))) return false
  const [first = '', ...rest] = pattern.split('*')
  const last = rest.pop() ?? ''
  if (name.length < first.length + last.length || !name.endsWith(last)) return false
  let at = first.length
  for (const part of rest) {
    const found = name.indexOf(part, at)
    if (found === -1) return false
    at = found + part.length
  }
  return at <= name.length - last.length
}
