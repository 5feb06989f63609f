// Owns the demand that a body whose arguments decide something can be read in one way only.

import { isRecord } from '../../mcp/rpc.ts'
import { countMembers } from '../json-shape.ts'
import type { MessageLimits } from '../message.ts'
import { malformed } from '../refusal.ts'

/**
 * Throws a refusal (400) when a member appears twice, at any depth: the upstream gets the same bytes, and may go by the other
 * one. The body is JSON, which has been seen to before.
 */
export function refuseRepeatedMembers(body: Buffer, { maxDepth }: Pick<MessageLimits, 'maxDepth'>): void {
  const json: unknown = JSON.parse(body.toString('utf8'))
  if (countMembers(body, maxDepth, maxDepth)?.total === membersIn(json)) return
  throw malformed('A member appears twice.')
}

function membersIn(value: unknown): number {
  if (Array.isArray(value)) return value.reduce<number>((sum, each) => sum + membersIn(each), 0)
  if (!isRecord(value)) return 0
  const values = Object.values(value)
  return values.reduce<number>((sum, each) => sum + membersIn(each), values.length)
}
