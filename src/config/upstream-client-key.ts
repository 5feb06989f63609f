// Owns the private key that Gatehouse is known by at an upstream's authorization server: that it is one, and how it signs.

import { createPrivateKey, type KeyObject } from 'node:crypto'
import type { ClientKey } from '../oauth/upstream-auth.ts'
import type { Reading } from './upstream-reached.ts'

export const SIGNING_ALGORITHMS = [
  'ES256',
  'ES384',
  'ES512',
  'EdDSA',
  'RS256',
  'RS384',
  'RS512',
  'PS256',
  'PS384',
  'PS512',
] as const

interface Given {
  readonly private_key?: string | undefined
  readonly private_key_id?: string | undefined
  readonly signing_algorithm?: string | undefined
}

const KEY_EXPECTED =
  'a private key in PEM (PKCS #8) without a password: RSA of 2048 bits or more, EC, or Ed25519'
const RSA = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512']
const FEWEST_BITS = 2048
const OF_THE_CURVE: ReadonlyMap<string | undefined, string> = new Map([
  ['prime256v1', 'ES256'],
  ['secp384r1', 'ES384'],
  ['secp521r1', 'ES512'],
])

/** Null when there is none, undefined after a problem, which is reported. */
export function readClientKey(
  { private_key: given, private_key_id: id, signing_algorithm: wanted }: Given,
  { place, report }: Pick<Reading, 'place' | 'report'>,
): ClientKey | null | undefined {
  if (given === undefined) return null
  const pem = withLineBreaks(given)
  const possible = algorithmsOf(pem)
  const [usual] = possible
  if (usual === undefined) {
    report({ ...place(['auth', 'private_key']), expected: KEY_EXPECTED, got: 'something else' })
    return undefined
  }
  if (wanted !== undefined && !possible.includes(wanted)) {
    const expected = `${possible.join(' or ')}, which this key can do`
    report({ ...place(['auth', 'signing_algorithm']), expected, got: wanted })
    return undefined
  }
  return { pem, id: id ?? null, algorithm: wanted ?? usual }
}

/** As variables have them, on one line. */
function withLineBreaks(text: string): string {
  return text.includes('\n') ? text : text.replaceAll('\\n', '\n')
}

function algorithmsOf(pem: string): readonly string[] {
  const key = keyIn(pem)
  const { modulusLength = 0, namedCurve } = key?.asymmetricKeyDetails ?? {}
  switch (key?.asymmetricKeyType) {
    case 'rsa':
      return modulusLength < FEWEST_BITS ? [] : RSA
    case 'ec':
      return [OF_THE_CURVE.get(namedCurve) ?? []].flat()
    case 'ed25519':
      return ['EdDSA']
    default:
      return []
  }
}

function keyIn(pem: string): KeyObject | null {
  try {
    return createPrivateKey(pem)
  } catch {
    return null
  }
}
