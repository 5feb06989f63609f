// Owns which addresses count as one origin of attempts.

import ipaddr from 'ipaddr.js'

const IPV6_NETWORK_BITS = 64

/** An IPv4 address by itself; an IPv6 address as its /64, which one customer has whole (RFC 6177 §2). */
export function addressGroup(address: string): string {
  if (!ipaddr.isValid(address)) return 'unknown'
  // `process` undoes ::ffff:192.0.2.1, which a dual-stack socket reports for an IPv4 peer.
  const parsed = ipaddr.process(address)
  if (!(parsed instanceof ipaddr.IPv6)) return parsed.toString()
  const network = parsed.parts.map((part, index) => (index < IPV6_NETWORK_BITS / 16 ? part : 0))
  return `${new ipaddr.IPv6(network).toRFC5952String()}/${IPV6_NETWORK_BITS}`
}
