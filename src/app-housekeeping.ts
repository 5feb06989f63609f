// Owns what is done by itself while the service runs: what expired is removed, what is gathered is written, keys are followed.

import type { FastifyInstance } from 'fastify'
import type { Foundation, Overrides } from './app-foundation.ts'
import type { AuthorizationServer } from './authorization-server/authorization-server.ts'
import { sealedRecords } from './authorization-server/sealed-records.ts'
import { startHousekeeping } from './ops/housekeeping.ts'
import { startResealing } from './ops/resealing.ts'
import * as apiKeys from './storage/api-keys.ts'
import * as artifactEnds from './storage/artifact-ends.ts'
import * as bridgeSessions from './storage/bridge-sessions.ts'
import * as clients from './storage/clients.ts'
import * as commandEvents from './storage/command-events.ts'
import { deleteExpired as deleteExpiredMail } from './storage/mail.ts'
import { deleteExpired as deleteExpiredRevocations } from './storage/revocations.ts'
import * as throttles from './storage/throttles.ts'
import * as upstreamLogins from './storage/upstream-logins.ts'

const EXPIRED_BATCH = 1000
/** Within this time every replica follows a rotation. A new key is published an hour before it signs, so nothing waits for it. */
const SIGNING_KEY_POLL_MS = 10_000
const COMMAND_EVENTS_POLL_MS = 10_000
const COMMAND_EVENTS_BATCH = 100

/** `flush`: each writes what it gathered in memory since the last time. */
export function keepHouse(
  app: FastifyInstance,
  { logger, storage }: Foundation,
  flush: readonly (() => Promise<void>)[],
): void {
  const { db } = storage
  const housekeeping = startHousekeeping({
    tasks: [
      {
        name: 'expired records',
        batch: EXPIRED_BATCH,
        run: (limit) => artifactEnds.deleteExpired(db, limit),
      },
      { name: 'expired clients', batch: EXPIRED_BATCH, run: (limit) => clients.deleteExpired(db, limit) },
      {
        name: 'expired revocations',
        batch: EXPIRED_BATCH,
        run: (limit) => deleteExpiredRevocations(db, limit),
      },
      {
        name: 'expired legacy sessions',
        batch: EXPIRED_BATCH,
        run: (limit) => bridgeSessions.deleteExpired(db, limit),
      },
      {
        name: 'expired logins at upstreams',
        batch: EXPIRED_BATCH,
        run: (limit) => upstreamLogins.deleteExpired(db, limit),
      },
      { name: 'spent API keys', batch: EXPIRED_BATCH, run: (limit) => apiKeys.deleteSpent(db, limit) },
      { name: 'last uses', batch: 1, run: () => flushAll(flush) },
      { name: 'expired mail', batch: EXPIRED_BATCH, run: (limit) => deleteExpiredMail(db, limit) },
      { name: 'expired throttles', batch: EXPIRED_BATCH, run: (limit) => throttles.deleteExpired(db, limit) },
    ],
    onError: (err, task) => logger.warn({ err, task }, 'housekeeping failed and will be tried again'),
  })
  app.addHook('onClose', async () => {
    await housekeeping.stop()
    await flushAll(flush).catch((err: unknown) => logger.warn({ err }, 'the last uses were not written'))
  })
}

async function flushAll(flush: readonly (() => Promise<void>)[]): Promise<0> {
  for (const write of flush) await write()
  return 0
}

/** What operators did at the command line, here or while the service was stopped, gets into the log of one replica. */
export function keepRecord(
  app: FastifyInstance,
  { logger, audit, storage }: Foundation,
  { commandEventsPollMs = COMMAND_EVENTS_POLL_MS }: Overrides,
): void {
  const run = async (limit: number) => {
    const events = await commandEvents.take(storage.db, limit)
    for (const { event, members, happenedAt } of events) audit.commandDone(event, members, happenedAt)
    return events.length
  }
  const recording = startHousekeeping({
    tasks: [{ name: 'what commands did', batch: COMMAND_EVENTS_BATCH, run }],
    onError: (err) => logger.warn({ err }, 'what commands did could not be read, and will be tried again'),
    intervalMs: commandEventsPollMs,
    atOnce: true,
  })
  app.addHook('onClose', () => recording.stop())
}

/** The signing keys are followed; and what an older SECRET_KEY sealed is sealed again, so that it can go. */
export function keepKeys(
  app: FastifyInstance,
  { logger, storage, keyring }: Foundation,
  { reloadKeys }: AuthorizationServer,
  { signingKeyPollMs = SIGNING_KEY_POLL_MS }: Overrides,
): void {
  const run = async () => {
    await reloadKeys()
    return 0
  }
  const following = startHousekeeping({
    tasks: [{ name: 'signing keys', batch: 1, run }],
    onError: (err) =>
      logger.warn({ err }, 'the signing keys could not be read again; those at hand stay in use'),
    intervalMs: signingKeyPollMs,
  })
  app.addHook('onClose', () => following.stop())
  const resealing = startResealing({
    db: storage.db,
    keyring,
    kinds: sealedRecords,
    logger,
  })
  app.addHook('onClose', () => resealing.stop())
}
