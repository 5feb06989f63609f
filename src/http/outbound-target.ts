// Owns which URLs a stranger may make this server fetch, as far as the URL alone can tell.

import { isIP } from 'node:net'
import { isPublicAddress } from './addresses.ts'

const LONGEST = 2000
/** Host, optional port, then a path or a query. No user name, no escapes, nothing that another parser reads differently. */
const PLAIN = /^https:\/\/((?:[a-z0-9_-]+\.)+[a-z0-9-]+|\[[0-9a-f:.]+\])(?::443)?(?:[/?][\x21-\x7e]*)?$/i
const AMBIGUOUS = /[\\#"<>^`{|}]/

/** The URL, or null when it must not be fetched: https on port 443 at a full host name or a public address, not our own. */
export function outboundTarget(value: string, ownHost: string | null): URL | null {
  if (value.length > LONGEST || AMBIGUOUS.test(value)) return null
  const host = PLAIN.exec(value)?.[1]?.toLowerCase()
  const url = URL.parse(value)
  // A host that the parser had to rewrite (`2130706433`, `0x7f.1`) was written to be misread.
  if (!url || host !== url.hostname || url.hostname === ownHost) return null
  const address = literalAddress(url.hostname)
  return address === null || isPublicAddress(address) ? url : null
}

/** The address that a URL's host spells out, without brackets; null for a name. */
export function literalAddress(hostname: string): string | null {
  const bare = hostname.startsWith('[') ? hostname.slice(1, -1) : hostname
  return isIP(bare) === 0 ? null : bare
}
