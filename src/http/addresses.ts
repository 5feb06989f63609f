// Owns which IP addresses count as the public internet, for every request whose target a stranger chose.

import { isIP } from 'node:net'
import ipaddr from 'ipaddr.js'

/** The only block of IPv6 that is handed out for the public internet (RFC 4291 §2.4, IANA). */
const GLOBAL_UNICAST = ipaddr.IPv6.parseCIDR('2000::/3')

/** Parts of that block that lead elsewhere, or into IPv4: the IANA special-purpose registry (RFC 6890). */
const SPECIAL_IPV6 = [
  '2001::/23', // IETF protocol assignments, with Teredo, benchmarking, AMT, ORCHID
  '2001:db8::/32', // documentation
  '2002::/16', // 6to4: an IPv4 address inside
  '2620:4f:8000::/48', // AS112
  '3fff::/20', // documentation
].map((range) => ipaddr.IPv6.parseCIDR(range))

/**
 * Whether an address is public unicast. The argument is an address as a resolver or a URL's host gives it, without
 * brackets; anything else is not public. Addresses that carry an IPv4 address inside (mapped, NAT64, 6to4, Teredo) are
 * refused whatever they carry, since what becomes of them is decided by the network and not here.
 */
export function isPublicAddress(address: string): boolean {
  // A zone (`fe80::1%eth0`) names an interface of this machine.
  if (isIP(address) === 0 || address.includes('%')) return false
  const parsed = ipaddr.parse(address)
  // The library's own table is the IPv4 part of the registry, and calls the rest unicast.
  if (parsed instanceof ipaddr.IPv4) return parsed.range() === 'unicast'
  return parsed.match(GLOBAL_UNICAST) && !SPECIAL_IPV6.some((range) => parsed.match(range))
}
