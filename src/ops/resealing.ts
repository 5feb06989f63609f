// Owns the background job that lets an operator give up an old SECRET_KEY: what is stored is sealed again with the first one.

import type { Database } from '../storage/database.ts'
import { type Reseal, type Resealed, resealAll } from '../storage/resealing.ts'
import type { Keyring } from '../storage/sealing.ts'
import { startHousekeeping } from './housekeeping.ts'
import type { Logger } from './logger.ts'

export interface ResealingNeeds {
  readonly db: Database
  readonly keyring: Keyring
  readonly kinds: readonly Reseal[]
  readonly logger: Pick<Logger, 'info' | 'warn'>
}

/** A replica that was not restarted yet still seals with the key that was first; so it is looked after again. */
const INTERVAL_MS = 60 * 60 * 1000

/** Nothing to do with a single key: what that one does not open, nothing does. */
export function startResealing({ db, keyring, kinds, logger }: ResealingNeeds): { stop(): Promise<void> } {
  if (keyring.size < 2) return { stop: async () => {} }
  const stopping = new AbortController()
  let isFirst = true

  const run = async () => {
    const done = await resealAll(db, keyring, kinds, stopping.signal)
    if (stopping.signal.aborted) return 0
    if (isFirst || done.some(({ resealed }) => resealed > 0)) report(logger, keyring, done)
    isFirst = false
    return 0
  }
  const onError = (err: unknown) =>
    logger.warn({ err }, 'sealing again what older keys of SECRET_KEY sealed failed and will be tried again')
  const job = startHousekeeping({
    tasks: [{ name: 'sealing again', batch: 1, run }],
    onError,
    intervalMs: INTERVAL_MS,
    atOnce: true,
  })
  return {
    async stop() {
      stopping.abort()
      await job.stop()
    },
  }
}

/** Keys are named by their place in SECRET_KEY: the first is 1. */
export function keysNotNeeded({ size }: Keyring): readonly number[] {
  return Array.from({ length: size - 1 }, (_, index) => index + 2)
}

function report(logger: ResealingNeeds['logger'], keyring: Keyring, done: readonly Resealed[]): void {
  const unreadable = done.filter((kind) => kind.unreadable > 0)
  if (unreadable.length > 0) {
    logger.warn({ unreadable }, 'some stored values open with none of the keys of SECRET_KEY')
  }
  logger.info(
    { done, notNeeded: keysNotNeeded(keyring) },
    'everything stored is sealed with the first key of SECRET_KEY; what is stored does not need the others any more',
  )
}
