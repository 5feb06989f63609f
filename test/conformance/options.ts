// Owns the command line of `npm run conformance`.

import { parseArgs } from 'node:util'

export const REVISIONS = ['2025-11-25', '2026-07-28'] as const
export const PARTS = ['server', 'bridge', 'authorization', 'client'] as const
export const GATEWAYS = ['gatehouse', 'pass-through'] as const

export interface Options {
  readonly parts: readonly (typeof PARTS)[number][]
  readonly revisions: readonly (typeof REVISIONS)[number][]
  readonly gateway: (typeof GATEWAYS)[number]
}

export const USAGE = `npm run conformance -- [options]

  --only server|bridge|authorization|client   one part; all of them without it
  --revision 2025-11-25|2026-07-28            server and client scenarios of one revision; both without it
  --gateway gatehouse|pass-through            what stands before the upstream; pass-through tries the runner itself`

/** Throws with a text for the person who typed. */
export function readOptions(args: readonly string[]): Options {
  const { values } = parseArgs({
    args: [...args],
    options: { only: { type: 'string' }, revision: { type: 'string' }, gateway: { type: 'string' } },
  })
  const gateway = oneOf(GATEWAYS, values.gateway ?? 'gatehouse', '--gateway')
  const parts = values.only === undefined ? PARTS : [oneOf(PARTS, values.only, '--only')]
  return {
    // Nothing but Gatehouse has an authorization server.
    parts: gateway === 'gatehouse' ? parts : parts.filter((part) => part === 'server'),
    revisions: values.revision === undefined ? REVISIONS : [oneOf(REVISIONS, values.revision, '--revision')],
    gateway,
  }
}

function oneOf<T extends string>(allowed: readonly T[], given: string, option: string): T {
  const found = allowed.find((value) => value === given)
  if (found === undefined) throw new Error(`${option} is one of: ${allowed.join(', ')}`)
  return found
}
