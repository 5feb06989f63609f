// Owns passwords that cost tests little, and an engine that counts what it is asked for.

import { hash, parseOptions, verify } from '@node-rs/argon2'
import type { PasswordCost, PasswordEngine } from '../../src/sign-in/password.ts'

export const CHEAP: PasswordCost = { memoryKiB: 64, passes: 1, lanes: 1 }

export interface CountingEngine extends PasswordEngine {
  /** What `act` came to, and the parameters of every hash that was checked meanwhile. */
  during<T>(act: () => Promise<T>): Promise<{ result: T; verified: PasswordCost[] }>
}

/** Real argon2. */
export function countingEngine(): CountingEngine {
  let verified: PasswordCost[] = []
  return {
    hash: (password, { memoryKiB, passes, lanes }) =>
      hash(password, { memoryCost: memoryKiB, timeCost: passes, parallelism: lanes }),
    verify(stored, password) {
      const { memoryCost, timeCost, parallelism } = parseOptions(stored)
      verified.push({ memoryKiB: memoryCost, passes: timeCost, lanes: parallelism })
      return verify(stored, password)
    },
    async during(act) {
      verified = []
      return { result: await act(), verified }
    },
  }
}
