// Owns finding and replacing the sealed values among the artifacts, for sealing them again.
import { type RawBuilder, sql } from 'kysely'
import { createReseal, type Reseal } from './resealing.ts'
import type { Database } from './tables.ts'

/** Where a sealed value of a record is found. */
interface RecordKey {
  readonly model: string
  readonly idHash: string
}

const aadOf = ({ model, idHash }: RecordKey) => model + idHash

/** For payloads that are sealed as a whole; `purpose` is the one that they were sealed for. */
export function resealPayloads(purpose: string): Reseal {
  const sealed = sql<string>`payload->>'sealed'`
  return createReseal<RecordKey>({
    name: 'sessions and interactions',
    purpose,
    aad: aadOf,
    next: (db, prefix, after, limit) => selectSealed(db, sealed, prefix, after, limit),
    async replace(db, { model, idHash }, from, to) {
      await db
        .updateTable('artifacts')
        .set({ payload: JSON.stringify({ sealed: to }) })
        .where('model', '=', model)
        .where('id_hash', '=', idHash)
        .where(sealed, '=', from)
        .execute()
    },
  })
}

export function resealIdentifiers(purpose: string): Reseal {
  return createReseal<RecordKey>({
    name: 'identifiers of sessions',
    purpose,
    aad: aadOf,
    next: (db, prefix, after, limit) => selectSealed(db, sql<string>`sealed_id`, prefix, after, limit),
    async replace(db, { model, idHash }, from, to) {
      await db
        .updateTable('artifacts')
        .set({ sealed_id: to })
        .where('model', '=', model)
        .where('id_hash', '=', idHash)
        .where('sealed_id', '=', from)
        .execute()
    },
  })
}

/** In the order of the primary key, so that going on after the last one costs no more than beginning. */
async function selectSealed(
  db: Database,
  sealed: RawBuilder<string>,
  prefix: string,
  after: RecordKey | null,
  limit: number,
) {
  const { model = '', idHash = '' } = after ?? {}
  const rows = await db
    .selectFrom('artifacts')
    .select(['model', 'id_hash as idHash', sealed.as('sealed')])
    .where(sql<boolean>`left(${sealed}, length(${prefix})) <> ${prefix}`)
    .where(sql<boolean>`(model, id_hash) > (${model}, ${idHash})`)
    .where(sql<boolean>`(expires_at is null or expires_at > now())`)
    .orderBy('model')
    .orderBy('id_hash')
    .limit(limit)
    .execute()
  return rows.map(({ sealed, ...id }) => ({ id, sealed }))
}
