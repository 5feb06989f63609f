// Owns which operations of an API become tools.

import { matches } from '../../oauth/tool.ts'

export interface Selectable {
  /** In upper case. */
  readonly method: string
  readonly path: string
  readonly operationId: string | null
}

export interface Selection {
  /** Names or `METHOD /path`, in which `*` stands for any characters; `!` in front leaves out, which wins. */
  readonly operations: readonly string[]
  /** Also those that change something. */
  readonly writes: boolean
}

/** RFC 9110 §9.2.1: safe by definition. OPTIONS and TRACE are about the connection, not about the API. */
const SAFE: ReadonlySet<string> = new Set(['GET', 'HEAD'])

export function isSafe(method: string): boolean {
  return SAFE.has(method)
}

export function isSelected(operation: Selectable, { operations, writes }: Selection): boolean {
  if (!writes && !isSafe(operation.method)) return false
  const left = operations.filter((pattern) => pattern.startsWith('!')).map((pattern) => pattern.slice(1))
  const wanted = operations.filter((pattern) => !pattern.startsWith('!'))
  if (left.some((pattern) => fits(pattern, operation))) return false
  return wanted.length === 0 || wanted.some((pattern) => fits(pattern, operation))
}

function fits(pattern: string, { method, path, operationId }: Selectable): boolean {
  if (pattern.includes(' ')) return matches(pattern, `${method} ${path}`)
  if (pattern.startsWith('/')) return matches(pattern, path)
  return operationId !== null && matches(pattern, operationId)
}
