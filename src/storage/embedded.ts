// Owns the embedded database: started, and never called again once it has given up.

import type { PGlite, Transaction } from '@electric-sql/pglite'

/** Of PostgreSQL: it has ended by itself (crash_shutdown), which for callers is an outage. */
const CRASH_SHUTDOWN = '57P02'

class EmbeddedDatabaseGone extends Error {
  readonly code = CRASH_SHUTDOWN

  constructor() {
    super(
      'The embedded database has given up. See what it said first, make room on its disk, and start the service again.',
    )
    this.name = 'EmbeddedDatabaseGone'
  }
}

/** Loaded only when it is wanted: the module carries a whole PostgreSQL. */
export async function startPGlite(directory: string): Promise<PGlite> {
  const { PGlite } = await import('@electric-sql/pglite')
  const pglite = await PGlite.create(directory).catch((cause: unknown) => {
    throw new Error(whyNotOpened(directory), { cause })
  })
  return refusingOnceGone(pglite)
}

/** What PGlite says itself is a word of its compiler. */
function whyNotOpened(directory: string): string {
  return `The embedded database in ${directory} cannot be opened: it is damaged, its files belong to somebody else, or there is no room on its disk. Make room, or put a backup of the directory in its place.`
}

/**
 * After a PANIC (its log cannot be written, most often because the disk is full) PostgreSQL has to be started again. PGlite asks
 * it over and over instead, in a loop that nothing else in this process gets out of.
 */
function refusingOnceGone(pglite: PGlite): PGlite {
  const { execProtocol, execProtocolStream, execProtocolRawSync } = pglite
  const transaction = pglite.transaction.bind(pglite)
  let gone = false

  async function watched<Answer>(answer: Promise<Answer>): Promise<Answer> {
    try {
      return await answer
    } catch (error) {
      gone ||= error instanceof Error && 'severity' in error && error.severity === 'PANIC'
      throw error
    }
  }

  // What was acknowledged is in its files, from which the next start recovers: there is nothing left to close.
  const isClosed = () => Boolean(Reflect.get(Object.getPrototypeOf(pglite), 'closed', pglite))
  Object.defineProperty(pglite, 'closed', { get: () => gone || isClosed() })
  return Object.assign(pglite, {
    execProtocol: (...given: Parameters<PGlite['execProtocol']>) =>
      watched(execProtocol.apply(pglite, given)),
    execProtocolStream: (...given: Parameters<PGlite['execProtocolStream']>) =>
      watched(execProtocolStream.apply(pglite, given)),
    execProtocolRawSync(message: Uint8Array) {
      if (gone) throw new EmbeddedDatabaseGone()
      return execProtocolRawSync.call(pglite, message)
    },
    // Not by a promise: Kysely waits for the beginning alone, and would for ever.
    transaction<Value>(work: (transaction: Transaction) => Promise<Value>): Promise<Value> {
      if (gone) throw new EmbeddedDatabaseGone()
      return transaction(work)
    },
  })
}
