// Owns which proxies are believed: nobody, everybody, a number of hops, or a list of addresses.

import { isIP } from 'node:net'

/** What Fastify's `trustProxy` takes. */
export type TrustProxy = boolean | number | readonly string[]

const SWITCHES = new Map([
  ['off', false],
  ['false', false],
  ['on', true],
  ['true', true],
])

const NAMED_RANGES: ReadonlySet<string> = new Set(['loopback', 'linklocal', 'uniquelocal'])
const MOST_HOPS = 32

export function parseTrustProxy(text: string): TrustProxy | undefined {
  const word = text.toLowerCase()
  if (/^\d+$/.test(word)) return parseHops(Number(word))
  return SWITCHES.get(word) ?? parseAddresses(word)
}

function parseHops(hops: number): TrustProxy | undefined {
  if (hops > MOST_HOPS) return undefined
  return hops === 0 ? false : hops
}

function parseAddresses(text: string): readonly string[] | undefined {
  const addresses = text.split(',').map((address) => address.trim())
  return addresses.every(isAddressRange) ? addresses : undefined
}

function isAddressRange(text: string): boolean {
  if (NAMED_RANGES.has(text)) return true
  const { address = '', prefix } =
    /^(?<address>[0-9a-f.:]+)(?:\/(?<prefix>\d{1,3}))?$/.exec(text)?.groups ?? {}
  const family = isIP(address)
  if (family === 0) return false
  return prefix === undefined || Number(prefix) <= (family === 4 ? 32 : 128)
}
