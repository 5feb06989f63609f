// Owns sealing stored values again under the first master key, so that older ones can be given up.
import type { Keyring } from './sealing.ts'
import type { Database } from './tables.ts'

/** One kind of sealed values, and where they are kept. */
export interface SealedValues<Id> {
  /** For the log. */
  readonly name: string
  readonly purpose: string
  aad(id: Id): string
  /** In the order of their ids, at most `limit` that do not begin with `prefix` and come after `after` (null: from the first). */
  next(
    db: Database,
    prefix: string,
    after: Id | null,
    limit: number,
  ): Promise<readonly { readonly id: Id; readonly sealed: string }[]>
  /** Does nothing when the value is not `from` any more: whoever changed it sealed it anew. */
  replace(db: Database, id: Id, from: string, to: string): Promise<void>
}

export interface Resealed {
  readonly name: string
  readonly resealed: number
  /** Altered, or sealed with a key that is not in SECRET_KEY: left as they are. */
  readonly unreadable: number
}

/**
 * Seals every value again that is not sealed with the first master key. Each in a short statement of its own, so that it
 * neither holds locks nor waits for more than one; any number of replicas may do it at once. Stops early, before the next
 * batch, when told so.
 */
export type Reseal = (db: Database, keyring: Keyring, stop?: AbortSignal) => Promise<Resealed>

const BATCH = 100

export function createReseal<Id>(values: SealedValues<Id>): Reseal {
  return async (db, keyring, stop) => {
    const count = { resealed: 0, unreadable: 0 }
    let after: Id | null = null
    while (!stop?.aborted) {
      const batch = await values.next(db, keyring.prefix, after, BATCH)
      for (const { id, sealed } of batch) {
        const plain = keyring.open(values.purpose, sealed, values.aad(id))
        if (plain === null) count.unreadable++
        else await values.replace(db, id, sealed, keyring.seal(values.purpose, plain, values.aad(id)))
        if (plain !== null) count.resealed++
        after = id
      }
      if (batch.length < BATCH) break
    }
    return { name: values.name, ...count }
  }
}

/** All kinds, one after the other. */
export async function resealAll(
  db: Database,
  keyring: Keyring,
  kinds: readonly Reseal[],
  stop?: AbortSignal,
): Promise<readonly Resealed[]> {
  const done: Resealed[] = []
  for (const reseal of kinds) done.push(await reseal(db, keyring, stop))
  return done
}
