// Owns which mailbox the service has: one that other replicas have a part in, or its own.

import type { FastifyInstance } from 'fastify'
import { parseUnrounded } from './mcp/exact-json.ts'
import { createLocalMailbox, type Mailbox } from './mcp/mailbox.ts'
import type { Logger } from './ops/logger.ts'
import type { OpenDatabase } from './storage/database.ts'
import { openMailbox } from './storage/mailbox.ts'
import type { Keyring } from './storage/sealing.ts'

/** The embedded database has one process, which needs no database to talk to itself. */
export async function mailboxOf(
  app: FastifyInstance,
  storage: OpenDatabase,
  keyring: Keyring,
  logger: Logger,
): Promise<Mailbox> {
  if (storage.kind === 'embedded') return createLocalMailbox()
  const report = (err: unknown) => logger.warn({ err }, 'a message between replicas is late or lost')
  const mailbox = await openMailbox({ storage, keyring, report, parse: parseUnrounded })
  app.addHook('onClose', () => mailbox.close())
  return mailbox
}
