// Owns the limits of one upstream as an operator writes them.

import * as z from 'zod'
import type { Allowance, Rate, UpstreamLimits } from '../oauth/allowance.ts'
import { parseRate, RATE_EXPECTED } from './rates.ts'
import { TOOL_PATTERN } from './upstream-scopes.ts'
import { duration, parsed, size } from './values.ts'

const COUNT_EXPECTED = 'a whole number of 1 or more'
const TOOLS_EXPECTED =
  'an object of names of tools, in which * stands for any characters, each with its limits'

const count = z.int({ error: COUNT_EXPECTED }).min(1, COUNT_EXPECTED)
const rate = z.string({ error: RATE_EXPECTED }).pipe(parsed(parseRate, RATE_EXPECTED))
const seconds = (most: string) => z.string({ error: 'a duration such as 30s' }).pipe(duration('1s', most))

/** A misspelled limit would be none. */
function exactly<T extends z.core.$ZodLooseShape>(shape: T) {
  const members = Object.keys(shape).join(', ')
  return z.strictObject(shape, { error: `an object with some of ${members}, and nothing else` })
}

const OFTEN = { rate: rate.optional(), calls: count.optional() }
const OFTEN_AND_OPEN = { ...OFTEN, streams: count.optional() }

const toolLimits = exactly({ ...OFTEN, perPerson: exactly(OFTEN).optional() })

export const upstreamLimits = exactly({
  ...OFTEN_AND_OPEN,
  perPerson: exactly(OFTEN_AND_OPEN).optional(),
  tools: z
    .record(z.string().regex(TOOL_PATTERN, TOOLS_EXPECTED), toolLimits, { error: TOOLS_EXPECTED })
    .optional(),
  body: z.string({ error: 'a size such as 1mb' }).pipe(size('1kb', '1gb')).optional(),
  connectTimeout: seconds('2m').optional(),
  firstByteTimeout: seconds('1d').optional(),
})

export function toUpstreamLimits(given: z.output<typeof upstreamLimits>): UpstreamLimits {
  return {
    total: allowanceOf(given),
    perPerson: allowanceOf(given.perPerson),
    tools: Object.entries(given.tools ?? {}).map(([tool, limits]) => ({
      tool,
      total: allowanceOf(limits),
      perPerson: allowanceOf(limits.perPerson),
    })),
    maxBodyBytes: given.body ?? null,
    connectTimeoutMs: milliseconds(given.connectTimeout),
    firstByteTimeoutMs: milliseconds(given.firstByteTimeout),
  }
}

interface Written {
  readonly rate?: Rate | undefined
  readonly calls?: number | undefined
  readonly streams?: number | undefined
}

function allowanceOf({ rate: times, calls, streams }: Written = {}): Allowance {
  return { rate: times ?? null, calls: calls ?? null, streams: streams ?? null }
}

function milliseconds(given: number | undefined): number | null {
  return given === undefined ? null : given * 1000
}
