// Owns sealing: what must be presented again later is stored encrypted and authenticated (AES-256-GCM).
import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto'

const VERSION = 1
const KEY_BYTES = 32
const KEY_ID_BYTES = 4
const NONCE_BYTES = 12
const TAG_BYTES = 16
const ALGORITHM = 'aes-256-gcm'

export interface Keyring {
  /**
   * Encrypts under the first master key. `purpose` selects a key of its own; `aad` names the record that this belongs to,
   * so that a sealed value moved to another record does not open.
   */
  seal(purpose: string, plaintext: string | Uint8Array, aad: string): string
  /** Null when it was altered, has another purpose or record, or was sealed under a key that is not here. */
  open(purpose: string, sealed: string, aad: string): Buffer | null
  /** How every value begins that the first master key sealed. */
  readonly prefix: string
  /** How many master keys there are. */
  readonly size: number
  /** Keys for other uses (signed cookies): one for each master key, the first one first. Independent of sealing. */
  derive(purpose: string, bytes: number): Buffer[]
}

interface SealingKey {
  readonly id: Buffer
  readonly key: Buffer
}

/** A ring of master keys: the first seals, all open. */
export function createKeyring(secretKeys: readonly string[]): Keyring {
  const [first] = secretKeys
  if (first === undefined) throw new Error('A keyring needs at least one secret key.')
  const keysFor = remember((purpose) => secretKeys.map((secret) => sealingKey(secret, purpose)))
  const firstFor = remember((purpose) => sealingKey(first, purpose))
  return {
    prefix: prefixOf(keyId(first)),
    size: secretKeys.length,
    seal(purpose, plaintext, aad) {
      const { id, key } = firstFor(purpose)
      return encrypt(key, header(id), plaintext, aad).toString('base64url')
    },
    open(purpose, sealed, aad) {
      const bytes = Buffer.from(sealed, 'base64url')
      const id = bytes.subarray(1, 1 + KEY_ID_BYTES)
      const sealer = keysFor(purpose).find((candidate) => candidate.id.equals(id))
      return sealer ? decrypt(sealer.key, header(sealer.id), bytes, aad) : null
    },
    derive: (purpose, bytes) =>
      secretKeys.map((secret) => hkdf(secret, `gatehouse derive ${purpose}`, bytes)),
  }
}

/** Seals what only the holder of `token` may read again: the key is derived from the token, which is not stored. */
export function sealWithToken(token: string, plaintext: string | Uint8Array): string {
  return encrypt(tokenKey(token), header(), plaintext, '').toString('base64url')
}

/** Null when it was altered or sealed with another token. */
export function openWithToken(token: string, sealed: string): Buffer | null {
  return decrypt(tokenKey(token), header(), Buffer.from(sealed, 'base64url'), '')
}

function sealingKey(secret: string, purpose: string): SealingKey {
  return {
    id: keyId(secret),
    key: hkdf(secret, `gatehouse seal ${purpose}`, KEY_BYTES),
  }
}

function keyId(secret: string): Buffer {
  return hkdf(secret, 'gatehouse key id', KEY_ID_BYTES)
}

/** Whole characters of base64url only: the one that the header shares with the nonce differs from value to value. */
function prefixOf(id: Buffer): string {
  const head = header(id)
  return head.toString('base64url').slice(0, Math.floor((head.length * 8) / 6))
}

function tokenKey(token: string): Buffer {
  return hkdf(token, 'gatehouse seal with token', KEY_BYTES)
}

/** RFC 5869, SHA-256, no salt. */
function hkdf(secret: string, info: string, bytes: number): Buffer {
  return Buffer.from(hkdfSync('sha256', secret, '', info, bytes))
}

/** The clear part: version, then the id of the key when there is a ring to choose from. */
function header(keyId: Buffer = Buffer.alloc(0)): Buffer {
  return Buffer.concat([Buffer.of(VERSION), keyId])
}

/** header | nonce | ciphertext | tag; the header is authenticated together with `aad`. */
function encrypt(key: Buffer, head: Buffer, plaintext: string | Uint8Array, aad: string): Buffer {
  const nonce = randomBytes(NONCE_BYTES)
  const cipher = createCipheriv(ALGORITHM, key, nonce).setAAD(Buffer.concat([head, Buffer.from(aad)]))
  const ciphertext = Buffer.concat([cipher.update(Buffer.from(plaintext)), cipher.final()])
  return Buffer.concat([head, nonce, ciphertext, cipher.getAuthTag()])
}

function decrypt(key: Buffer, head: Buffer, bytes: Buffer, aad: string): Buffer | null {
  const start = head.length + NONCE_BYTES
  if (bytes.length < start + TAG_BYTES || !bytes.subarray(0, head.length).equals(head)) return null
  const decipher = createDecipheriv(ALGORITHM, key, bytes.subarray(head.length, start))
  decipher.setAAD(Buffer.concat([head, Buffer.from(aad)])).setAuthTag(bytes.subarray(-TAG_BYTES))
  const plaintext = decipher.update(bytes.subarray(start, -TAG_BYTES))
  try {
    return Buffer.concat([plaintext, decipher.final()])
  } catch {
    return null
  }
}

/** Purposes are a handful of constants, so what is derived for them is kept. */
function remember<T>(derive: (purpose: string) => T): (purpose: string) => T {
  const known = new Map<string, T>()
  return (purpose) => {
    const value = known.get(purpose) ?? derive(purpose)
    known.set(purpose, value)
    return value
  }
}
