// Owns the table of addresses that a request on a stranger's word may and may not reach.

import t from 'tap'
import { isPublicAddress } from '../../src/http/addresses.ts'

const PUBLIC = [
  ['a resolver', '1.1.1.1'],
  ['the last address before 10/8', '9.255.255.255'],
  ['the first address after 10/8', '11.0.0.0'],
  ['the last address before carrier-grade NAT', '100.63.255.255'],
  ['the first address after carrier-grade NAT', '100.128.0.0'],
  ['the last address before link-local', '169.253.255.255'],
  ['the last address before 172.16/12', '172.15.255.255'],
  ['the first address after 172.16/12', '172.32.0.0'],
  ['beside 192.168/16', '192.169.0.1'],
  ['the last address before multicast', '223.255.255.255'],
  ['an IPv6 resolver', '2606:4700:4700::1111'],
  ['the same in capitals', '2606:4700:4700::1111'.toUpperCase()],
  ['the first address after 2001::/23', '2001:200::1'],
  ['the first address after documentation', '2001:db9::1'],
] as const

const REFUSED = [
  ['this network', '0.0.0.0'],
  ['this network, not zero', '0.1.2.3'],
  ['private 10/8', '10.0.0.5'],
  ['private 172.16/12', '172.16.0.1'],
  ['the end of private 172.16/12', '172.31.255.255'],
  ['private 192.168/16', '192.168.1.1'],
  ['carrier-grade NAT', '100.64.0.1'],
  ['the end of carrier-grade NAT', '100.127.255.255'],
  ['loopback', '127.0.0.1'],
  ['the rest of loopback', '127.255.255.254'],
  ['link-local', '169.254.0.1'],
  ['cloud metadata', '169.254.169.254'],
  ['IETF protocol assignments', '192.0.0.8'],
  ['documentation 1', '192.0.2.1'],
  ['documentation 2', '198.51.100.1'],
  ['documentation 3', '203.0.113.1'],
  ['6to4 relays', '192.88.99.1'],
  ['benchmarking', '198.18.0.1'],
  ['the end of benchmarking', '198.19.255.255'],
  ['AS112', '192.31.196.1'],
  ['AS112, direct delegation', '192.175.48.1'],
  ['AMT', '192.52.193.1'],
  ['multicast', '224.0.0.1'],
  ['the end of multicast', '239.255.255.255'],
  ['reserved', '240.0.0.1'],
  ['broadcast', '255.255.255.255'],
  ['unspecified', '::'],
  ['IPv6 loopback', '::1'],
  ['IPv4-compatible', '::7f00:1'],
  ['mapped loopback', '::ffff:127.0.0.1'],
  ['mapped loopback in hexadecimal', '::ffff:7f00:1'],
  ['mapped public', '::ffff:1.1.1.1'],
  ['mapped, written in full', '0:0:0:0:0:ffff:7f00:0001'],
  ['translated', '::ffff:0:127.0.0.1'],
  ['NAT64 of loopback', '64:ff9b::7f00:1'],
  ['NAT64 of a public address', '64:ff9b::101:101'],
  ['local NAT64', '64:ff9b:1::7f00:1'],
  ['discard', '100::1'],
  ['Teredo', '2001:0:53aa:64c::1'],
  ['IPv6 benchmarking', '2001:2::1'],
  ['AMT over IPv6', '2001:3::1'],
  ['ORCHID', '2001:10::1'],
  ['ORCHIDv2', '2001:20::1'],
  ['IPv6 documentation', '2001:db8::1'],
  ['newer IPv6 documentation', '3fff::1'],
  ['6to4 of loopback', '2002:7f00:1::1'],
  ['6to4 of a public address', '2002:101:101::1'],
  ['AS112 over IPv6', '2620:4f:8000::1'],
  ['segment routing', '5f00::1'],
  ['unique local, first half', 'fc00::1'],
  ['unique local', 'fd00::1'],
  ['cloud metadata over IPv6', 'fd00:ec2::254'],
  ['link-local over IPv6', 'fe80::1'],
  ['link-local with a zone', 'fe80::1%eth0'],
  ['a public address with a zone', '2606:4700:4700::1111%eth0'],
  ['site-local', 'fec0::1'],
  ['multicast over IPv6', 'ff02::1'],
  ['outside of what is handed out', '4000::1'],
  ['nothing', ''],
  ['a name', 'localhost'],
  ['an integer', '2130706433'],
  ['hexadecimal', '0x7f.1'],
  ['octal', '0177.0.0.1'],
  ['a short form', '127.1'],
  ['brackets', '[::1]'],
  ['a public address in brackets', '[2606:4700:4700::1111]'],
  ['a port', '1.1.1.1:443'],
  ['a space', ' 1.1.1.1'],
] as const

/** Spellings that only a URL parser undoes: what is checked is what the parser made of them. */
const SPELLINGS = [
  'https://2130706433/c',
  'https://0x7f.1/c',
  'https://0177.0.0.1/c',
  'https://127.1/c',
  'https://0/c',
  'https://１２７.0.0.1/c',
  'https://127.0.0.1./c',
  'https://localhost./c',
  'https://[::ffff:127.0.0.1]/c',
  'https://[::ffff:7f00:1]/c',
  'https://[0:0:0:0:0:0:0:1]/c',
  'https://[64:ff9b::7f00:1]/c',
  'https://0xa9fea9fe/latest/meta-data',
  'https://169.254.43518/latest/meta-data',
]

for (const [what, address] of PUBLIC) {
  t.test(`${what} is public: ${address}`, async (t) => t.equal(isPublicAddress(address), true))
}

for (const [what, address] of REFUSED) {
  t.test(`${what} is not public: ${address || '(empty)'}`, async (t) =>
    t.equal(isPublicAddress(address), false),
  )
}

for (const spelling of SPELLINGS) {
  t.test(`no spelling hides the address: ${spelling}`, async (t) => {
    t.equal(isPublicAddress(new URL(spelling).hostname.replace(/^\[|\]$/g, '')), false)
  })
}

t.test('an odd spelling of a public address stays public', async (t) => {
  t.equal(isPublicAddress(new URL('https://16843009/').hostname), true)
})
