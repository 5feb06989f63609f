// Owns the signing keys in use: read from the database again and again, made and removed when it is time, on any number of replicas.

import type { Audit } from '../ops/audit.ts'
import type { Database } from '../storage/database.ts'
import type { Keyring } from '../storage/sealing.ts'
import * as storage from '../storage/signing-keys.ts'
import { inTransaction } from '../storage/transactions.ts'
import { dueKeys, outlivedKeys, SIGNING_ALGORITHMS, schedule } from './key-schedule.ts'
import { makeSigningKey, openSigningKey, type SigningKey } from './signing-keys.ts'

export interface SigningKeys {
  /** All that are published, the ones that sign first. */
  published(): readonly SigningKey[]
  /** A published key; the same object for as long as it is published. */
  find(kid: string): SigningKey | null
  /** Reads them anew and does what is due. True when another key signs, or others are published. */
  reload(): Promise<boolean>
}

export interface SigningKeysNeeds {
  readonly db: Database
  readonly keyring: Keyring
  /** For how long a key signs; null: until somebody rotates by command. */
  readonly signingKeyRotationSeconds: number | null
  readonly audit: Pick<Audit, 'signingKeysChanged'>
}

export interface KeyChange {
  readonly made: readonly string[]
  readonly removed: readonly string[]
}

/** Makes the first keys where there are none. Throws when the stored ones were sealed with another SECRET_KEY. */
export async function openSigningKeys(needs: SigningKeysNeeds): Promise<SigningKeys> {
  const { db, keyring, signingKeyRotationSeconds: rotation, audit } = needs
  let published: readonly SigningKey[] = []
  let byKid = new Map<string, SigningKey>()

  // A key that is known stays the object it is: what was verified with it is remembered by that.
  const open = (stored: readonly storage.StoredSigningKey[]) =>
    schedule(stored).map(({ key }) => byKid.get(key.kid) ?? openSigningKey(key, keyring))

  const reload = async () => {
    let stored = await storage.list(db)
    let keys = open(stored)
    if (dueKeys(stored, rotation).length + outlivedKeys(stored).length > 0) {
      audit.signingKeysChanged(await catchUp(db, keyring, rotation))
      stored = await storage.list(db)
      keys = open(stored)
    }
    const changed = keys.map(({ kid }) => kid).join() !== published.map(({ kid }) => kid).join()
    published = keys
    byKid = new Map(keys.map((key) => [key.kid, key]))
    return changed
  }

  await reload()
  return { published: () => published, find: (kid) => byKid.get(kid) ?? null, reload }
}

/**
 * Publishes a next key for each algorithm that has none waiting. Of any number of calls at once, on any number of
 * processes, one makes them. Throws when the stored keys were sealed with another SECRET_KEY.
 */
export async function rotate(db: Database, keyring: Keyring): Promise<KeyChange> {
  await requireRightKey(db, keyring)
  return await catchUp(db, keyring, 0)
}

/**
 * For keys that somebody else may have: new ones sign at once and all others are removed, so that whatever they signed is
 * worth nothing as soon as each replica has read the keys again.
 */
export async function replaceAll(db: Database, keyring: Keyring): Promise<KeyChange> {
  await requireRightKey(db, keyring)
  const drafts = await Promise.all(SIGNING_ALGORITHMS.map((alg) => makeSigningKey(alg, keyring)))
  return await inTransaction(db, async (transaction) => {
    await storage.lock(transaction)
    const earlier = (await storage.list(transaction)).map(({ kid }) => kid)
    for (const draft of drafts) await storage.create(transaction, draft)
    return { made: drafts.map(({ kid }) => kid), removed: await storage.remove(transaction, earlier) }
  })
}

/** Makes what is due and removes what is outlived. Of any number of processes that find the same due, one makes it. */
async function catchUp(db: Database, keyring: Keyring, rotation: number | null): Promise<KeyChange> {
  // Made before the lock is taken: nobody waits for a key that takes long to find.
  const due = dueKeys(await storage.list(db), rotation)
  const drafts = await Promise.all(due.map(({ alg }) => makeSigningKey(alg, keyring)))
  return await inTransaction(db, async (transaction) => {
    await storage.lock(transaction)
    const stored = await storage.list(transaction)
    const made: string[] = []
    for (const { alg, signsInSeconds } of dueKeys(stored, rotation)) {
      const draft = drafts.find((each) => each.alg === alg)
      if (!draft) continue
      await storage.create(transaction, draft, signsInSeconds)
      made.push(draft.kid)
    }
    return { made, removed: await storage.remove(transaction, outlivedKeys(stored)) }
  })
}

async function requireRightKey(db: Database, keyring: Keyring): Promise<void> {
  for (const stored of await storage.list(db)) openSigningKey(stored, keyring)
}
