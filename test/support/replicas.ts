// Owns two processes that are one service: the same PUBLIC_URL, SECRET_KEY and PostgreSQL, each on a port of its own.

import { randomBytes } from 'node:crypto'
import { Agent, request } from 'node:http'
import { text } from 'node:stream/consumers'
import { type Database, openDatabase } from '../../src/storage/database.ts'
import { type Browser, createBrowser } from './browser.ts'
import { prepareTestDatabase, type Teardown } from './database.ts'
import { createPerson } from './gatehouse.ts'
import { freePort } from './local-server.ts'
import { type Environment, type Served, serve } from './process.ts'

export type Fields = Readonly<Record<string, string>>

export interface TokenAnswer {
  readonly status: number
  readonly body: Readonly<Record<string, unknown>>
}

export interface Replica extends Served {
  /** Where this one listens. */
  readonly at: string
  /** Asks this one for tokens, under the public name. */
  token(fields: Fields): Promise<TokenAnswer>
  /** Posts a form to it in the same way. */
  post(path: string, fields: Fields): Promise<TokenAnswer>
}

/** One service with one replica so far. */
export interface Service {
  /** Where the first replica listens. */
  readonly publicUrl: string
  readonly first: Replica
  readonly databaseUrl: string
  /** To look at the rows. */
  readonly db: Database
  /** One more, which may reach the database another way. */
  startAnother(databaseUrl?: string): Promise<Replica>
  createPerson(email: string): Promise<unknown>
  browser(): Browser
}

export interface TwoReplicas extends Service {
  readonly replicas: readonly [Replica, Replica]
}

export interface ServiceOptions {
  readonly env?: Environment
  /** Instead of the one of the product. */
  readonly launcher?: string
}

export async function startReplicas(t: Teardown, options: ServiceOptions = {}): Promise<TwoReplicas> {
  const service = await startService(t, options)
  return { ...service, replicas: [service.first, await service.startAnother()] }
}

export async function startService(
  t: Teardown,
  { env = {}, launcher }: ServiceOptions = {},
): Promise<Service> {
  const config = await prepareTestDatabase(t)
  if (config.kind !== 'postgres') throw new Error('not PostgreSQL')
  const firstPort = String(await freePort())
  const publicUrl = `http://localhost:${firstPort}`
  const shared = { ...env, PUBLIC_URL: publicUrl, SECRET_KEY: randomBytes(32).toString('base64url') }
  const start = async (port: string, databaseUrl: string): Promise<Replica> => {
    const process = await serve(
      t,
      { ...shared, DATABASE_URL: databaseUrl, PORT: port },
      [],
      launcher === undefined ? {} : { launcher },
    )
    const post = createPosts(t, port, new URL(publicUrl).host)
    const at = `http://127.0.0.1:${port}`
    return { ...process, at, post, token: (fields) => post('/token', fields) }
  }
  const first = await start(firstPort, config.url)
  const { db, close } = await openDatabase(config)
  t.teardown(close)
  return {
    publicUrl,
    first,
    databaseUrl: config.url,
    db,
    startAnother: async (databaseUrl = config.url) => start(String(await freePort()), databaseUrl),
    createPerson: (email) => createPerson(db, email),
    browser: () => createBrowser(publicUrl),
  }
}

/** With connections that stay open: opening one for each would start the racers one after the other. */
function createPosts(t: Teardown, port: string, host: string): Replica['post'] {
  const agent = new Agent({ keepAlive: true })
  t.teardown(() => agent.destroy())
  return async (path, fields) => {
    const headers = { host, 'content-type': 'application/x-www-form-urlencoded' }
    const { promise, resolve, reject } = Promise.withResolvers<TokenAnswer>()
    const sent = request({ host: '127.0.0.1', port, path, method: 'POST', headers, agent })
    sent.once('error', reject)
    sent.once('response', (response) => {
      const { statusCode = 0 } = response
      text(response).then((body) => resolve({ status: statusCode, body: JSON.parse(body) }), reject)
    })
    sent.end(`${new URLSearchParams(fields)}`)
    return promise
  }
}
