// Owns the two spellings of an ECDSA signature: two numbers side by side in a JWT, a sequence of integers for OpenSSL.

const SEQUENCE = 0x30
const INTEGER = 0x02

/**
 * RFC 7518 §3.4 to X.690: `r` and `s` of equal length become a sequence of two integers. For curves whose numbers have up to 48
 * bytes, so that every length is a single byte. Node would do it too, and takes longer for it than for half a verification.
 */
export function derSignature(signature: Uint8Array): Buffer {
  const half = signature.length / 2
  const numbers = [...integer(signature.subarray(0, half)), ...integer(signature.subarray(half))]
  return Buffer.from([SEQUENCE, numbers.length, ...numbers])
}

/** X.690 §8.3: as few bytes as possible, and a zero before what would be a negative number otherwise. */
function integer(bytes: Uint8Array): readonly number[] {
  const first = bytes.findIndex((byte) => byte !== 0)
  if (first === -1) return [INTEGER, 1, 0]
  const digits = [...bytes.subarray(first)]
  const sign = (digits[0] ?? 0) >= 0x80 ? [0] : []
  return [INTEGER, sign.length + digits.length, ...sign, ...digits]
}
