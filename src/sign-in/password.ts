// Owns passwords: hashing and checking them with argon2id, off the event loop, a bounded number at a time.

import { randomBytes } from 'node:crypto'
import { hash as argon2Hash, verify as argon2Verify, parseOptions } from '@node-rs/argon2'
import { createHashingQueue, type HashingLimits } from './hashing-queue.ts'

/** Bounds the work of one request; nobody types more. */
export const PASSWORD_MAX_BYTES = 1024

/** The parameters of RFC 9106 §3.1. */
export interface PasswordCost {
  readonly memoryKiB: number
  readonly passes: number
  readonly lanes: number
}

/** Above the floor of the OWASP Password Storage Cheat Sheet (19 MiB, two passes, one lane). */
export const PASSWORD_COST: PasswordCost = { memoryKiB: 32 * 1024, passes: 3, lanes: 1 }

const HASHING_LIMITS: HashingLimits = { running: 2, waiting: 64 }

/** What argon2 is asked for; tests count the calls. */
export interface PasswordEngine {
  hash(password: string, cost: PasswordCost): Promise<string>
  verify(hash: string, password: string): Promise<boolean>
}

/** `outdated match`: right, but hashed with other parameters than today's. `busy`: not judged, too many are waiting. */
export type Verdict = 'match' | 'outdated match' | 'mismatch' | 'busy'

export interface Passwords {
  /** The PHC string to store; null when too many are waiting. */
  hash(password: string): Promise<string | null>
  /** The same work for a person without a hash (null) as for one with a hash. */
  verify(password: string, storedHash: string | null): Promise<Verdict>
}

export interface PasswordNeeds {
  readonly passwordCost?: PasswordCost
  readonly limits?: HashingLimits
  readonly engine?: PasswordEngine
}

const ARGON2: PasswordEngine = {
  hash: (password, cost) =>
    argon2Hash(password, { memoryCost: cost.memoryKiB, timeCost: cost.passes, parallelism: cost.lanes }),
  verify: (hash, password) => argon2Verify(hash, password),
}

export async function createPasswords(needs: PasswordNeeds = {}): Promise<Passwords> {
  const { passwordCost: cost = PASSWORD_COST, limits = HASHING_LIMITS, engine = ARGON2 } = needs
  const queue = createHashingQueue(limits)
  // Checked in place of an absent hash, so that an unknown person costs as much as a known one (CWE-208).
  const nobody = await engine.hash(randomBytes(32).toString('base64url'), cost)

  return {
    async hash(password) {
      return queue.run(() => engine.hash(normalisePassword(password), cost))
    },
    async verify(password, storedHash) {
      const matches = await queue.run(() => engine.verify(storedHash ?? nobody, normalisePassword(password)))
      if (matches === null) return 'busy'
      if (!matches || storedHash === null) return 'mismatch'
      return isOutdated(storedHash, cost) ? 'outdated match' : 'match'
    },
  }
}

export function isTooLong(password: string): boolean {
  return Buffer.byteLength(password) > PASSWORD_MAX_BYTES
}

/** NIST SP 800-63B §5.1.1.2: the same password typed on two keyboards is the same string. */
export function normalisePassword(password: string): string {
  return password.normalize('NFKC')
}

function isOutdated(hash: string, cost: PasswordCost): boolean {
  const used = parseOptions(hash)
  return (
    used.memoryCost !== cost.memoryKiB || used.timeCost !== cost.passes || used.parallelism !== cost.lanes
  )
}
