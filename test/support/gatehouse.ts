// Owns a running Gatehouse in tests: the real app on a real port, over a database of its own.

import { randomBytes } from 'node:crypto'
import type { FastifyInstance } from 'fastify'
import { buildApp } from '../../src/app.ts'
import type { Overrides } from '../../src/app-foundation.ts'
import type { Reloaded } from '../../src/app-reload.ts'
import { type Config, loadConfig } from '../../src/config/config.ts'
import { createLogger } from '../../src/ops/logger.ts'
import { createPasswords } from '../../src/sign-in/password.ts'
import type { Database } from '../../src/storage/database.ts'
import * as users from '../../src/storage/users.ts'
import { type Browser, createBrowser } from './browser.ts'
import { createTestDatabase, type DatabaseKind, type Teardown, type TestDatabase } from './database.ts'
import { lines } from './lines.ts'
import { freePort } from './local-server.ts'

export const CHEAP_PASSWORDS = { memoryKiB: 1024, passes: 1, lanes: 1 }
/** Shorter than in earnest, and still a few looks apart from each other. */
const FILE_POLL_MS = 50
export const PASSWORD = 'a quiet gate at dusk'

export interface Running {
  readonly origin: string
  readonly app: FastifyInstance
  readonly config: Config
  /** To look at the rows. */
  readonly db: Database
  /** To open once more, as another replica would. */
  readonly database: TestDatabase
  readonly secretKeys: readonly string[]
  /** As at SIGHUP. */
  readonly reload: () => Reloaded | undefined
  /** What was logged so far. */
  readonly log: () => string
  readonly createPerson: (email: string) => Promise<users.User>
  /** A new browser, in which nobody is signed in. */
  readonly browser: () => Browser
}

export interface BuildOptions {
  readonly kind?: DatabaseKind
  readonly env?: Readonly<Record<string, string>>
  readonly secretKeys?: readonly string[]
  readonly overrides?: Partial<Overrides>
}

export async function build(
  t: Teardown,
  { kind = 'postgres', env = {}, secretKeys = [newSecretKey()], overrides = {} }: BuildOptions = {},
): Promise<Running> {
  const storage = await createTestDatabase(t, { kind })
  const port = await freePort()
  const origin = `http://localhost:${port}`
  const readConfig = () => loadConfig({ HOST: '127.0.0.1', PORT: String(port), PUBLIC_URL: origin, ...env })
  const config = readConfig()
  const { destination, written } = lines()
  const logger = createLogger({ level: 'debug', destination })
  const { app, reload } = await buildApp(
    config,
    { secretKeys },
    { logger, storage, passwordCost: CHEAP_PASSWORDS, readConfig, filePollMs: FILE_POLL_MS, ...overrides },
  )
  t.teardown(() => app.close())
  await app.listen({ host: config.host, port })
  return {
    origin,
    app,
    config,
    db: storage.db,
    database: storage,
    secretKeys,
    log: written,
    reload: () => reload?.now(),
    createPerson: (email) => createPerson(storage.db, email),
    browser: () => createBrowser(origin),
  }
}

export function newSecretKey(): string {
  return randomBytes(32).toString('base64url')
}

export async function createPerson(
  db: Database,
  email: string,
  role: users.Role = 'member',
): Promise<users.User> {
  const passwords = await createPasswords({ passwordCost: CHEAP_PASSWORDS })
  const passwordHash = await passwords.hash(PASSWORD)
  const { user } = await users.create(db, { email, name: email, passwordHash, role })
  if (user === null) throw new Error(`${email} is there already`)
  return user
}
