// Owns another process's part in tests: a second application on the database of the first, as another replica or after a restart.

import { request } from 'node:http'
import { text } from 'node:stream/consumers'
import { buildApp } from '../../src/app.ts'
import type { Overrides } from '../../src/app-foundation.ts'
import { createLogger } from '../../src/ops/logger.ts'
import { openDatabase } from '../../src/storage/database.ts'
import type { Teardown } from './database.ts'
import { CHEAP_PASSWORDS, type Running } from './gatehouse.ts'
import { lines } from './lines.ts'

export interface Replica {
  /** Its own; the issuer is that of the first. */
  readonly port: number
  readonly log: () => string
  close(): Promise<void>
}

export interface ReplicaOptions {
  readonly secretKeys?: readonly string[]
  readonly overrides?: Partial<Overrides>
  /** The first one's, when that is closed; any other one without it. */
  readonly port?: number
}

export async function startReplica(
  t: Teardown,
  first: Running,
  { secretKeys = first.secretKeys, overrides = {}, port = 0 }: ReplicaOptions = {},
): Promise<Replica> {
  const storage = await openDatabase(first.database.config)
  t.teardown(() => storage.close())
  const { destination, written } = lines()
  const logger = createLogger({ level: 'debug', destination })
  const { app } = await buildApp(
    first.config,
    { secretKeys },
    { logger, storage, passwordCost: CHEAP_PASSWORDS, ...overrides },
  )
  t.teardown(() => app.close())
  const address = await app.listen({ host: first.config.host, port })
  return { port: Number(new URL(address).port), log: written, close: () => app.close() }
}

export interface Asked {
  readonly status: number
  readonly body: string
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
}

export interface Question {
  readonly method?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
}

/** As a load balancer would: to this replica, with the name of the service. */
export function ask(
  { port }: { readonly port: number },
  url: string,
  { method = 'GET', headers = {}, body = '' }: Question = {},
): Promise<Asked> {
  const { host, pathname, search } = new URL(url)
  const { promise, resolve, reject } = Promise.withResolvers<Asked>()
  const options = { port, host: '127.0.0.1', path: pathname + search, method, headers: { ...headers, host } }
  request(options, (response) => {
    text(response).then(
      (answer) => resolve({ status: response.statusCode ?? 0, body: answer, headers: response.headers }),
      reject,
    )
  })
    .on('error', reject)
    .end(body)
  return promise
}
