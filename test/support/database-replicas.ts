// Owns two replicas on one real PostgreSQL that race for the same rows. The embedded database would hide a race.
import { type Database, openDatabase, ping } from '../../src/storage/database.ts'
import { createTestDatabase, type Teardown } from './database.ts'

const RACERS = 20

export interface Replicas {
  readonly one: Database
  readonly two: Database
  /** Twenty calls at once, in turn on the one and on the other. */
  race<T>(act: (db: Database, index: number) => Promise<T>): Promise<readonly T[]>
}

export async function createReplicas(t: Teardown): Promise<Replicas> {
  const { db: one, config } = await createTestDatabase(t)
  const { db: two, close } = await openDatabase(config)
  t.teardown(close)
  const race: Replicas['race'] = (act) =>
    Promise.all(Array.from({ length: RACERS }, (_, index) => act(index % 2 === 0 ? one : two, index)))
  // Connections that had yet to be opened would start the racers one after the other.
  await race(ping)
  return { one, two, race }
}
