// Owns the demand that a body whose depths decide something can be read in one way only.

import { isRecord } from '../../mcp/rpc.ts'
import { countMembers } from '../json-shape.ts'
import { fold, type MessageLimits } from '../message.ts'
import { malformed } from '../refusal.ts'

/** What is made of more takes seconds, in which nobody else is served. */
const MOST_MEMBERS = 16 * 1024

/**
 * Throws a refusal (400) when a member appears twice, at any depth and in whatever case: the upstream gets the same bytes, and
 * may go by the other one. The body is JSON, which has been seen to before.
 */
export function refuseRepeatedMembers(body: Buffer, { maxDepth }: Pick<MessageLimits, 'maxDepth'>): void {
  const written = countMembers(body, maxDepth, maxDepth)?.total ?? 0
  if (written > MOST_MEMBERS) throw malformed('There is too much in this to be judged.')
  const json: unknown = JSON.parse(body.toString('utf8'))
  if (written === membersIn(json)) return
  throw malformed('A member appears twice.')
}

/** Two that differ in case only are one. */
function membersIn(value: unknown): number {
  if (Array.isArray(value)) return value.reduce<number>((sum, each) => sum + membersIn(each), 0)
  if (!isRecord(value)) return 0
  const names = new Set(Object.keys(value).map(fold))
  return Object.values(value).reduce<number>((sum, each) => sum + membersIn(each), names.size)
}
