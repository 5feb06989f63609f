// Owns two processes that are one service: the same PUBLIC_URL, SECRET_KEY and PostgreSQL, each on a port of its own.

import { randomBytes } from 'node:crypto'
import { Agent, request } from 'node:http'
import { text } from 'node:stream/consumers'
import { type Database, openDatabase } from '../../src/storage/database.ts'
import { type Browser, createBrowser } from './browser.ts'
import { prepareTestDatabase, type Teardown } from './database.ts'
import { createPerson, freePort } from './gatehouse.ts'
import { type Served, serve } from './process.ts'

export type Fields = Readonly<Record<string, string>>

export interface TokenAnswer {
  readonly status: number
  readonly body: Readonly<Record<string, unknown>>
}

export interface Replica extends Served {
  /** Asks this one for tokens, under the public name. */
  token(fields: Fields): Promise<TokenAnswer>
}

export interface TwoReplicas {
  /** Where the first one listens. */
  readonly publicUrl: string
  readonly replicas: readonly [Replica, Replica]
  /** To look at the rows. */
  readonly db: Database
  createPerson(email: string): Promise<unknown>
  browser(): Browser
}

export interface ReplicaOptions {
  readonly env?: Readonly<Record<string, string>>
}

export async function startReplicas(t: Teardown, { env = {} }: ReplicaOptions = {}): Promise<TwoReplicas> {
  const config = await prepareTestDatabase(t)
  if (config.kind !== 'postgres') throw new Error('not PostgreSQL')
  const [firstPort, secondPort] = [String(await freePort()), String(await freePort())]
  const publicUrl = `http://localhost:${firstPort}`
  const shared = {
    DATABASE_URL: config.url,
    PUBLIC_URL: publicUrl,
    SECRET_KEY: randomBytes(32).toString('base64url'),
    LOG_LEVEL: 'info',
    ...env,
  }
  const start = async (port: string): Promise<Replica> => {
    const process = await serve(t, { ...shared, PORT: port })
    return { ...process, token: createTokenRequests(t, port, new URL(publicUrl).host) }
  }
  const replicas = await Promise.all([start(firstPort), start(secondPort)])
  const { db, close } = await openDatabase(config)
  t.teardown(close)
  return {
    publicUrl,
    replicas,
    db,
    createPerson: (email) => createPerson(db, email),
    browser: () => createBrowser(publicUrl),
  }
}

/** With connections that stay open: opening one for each would start the racers one after the other. */
function createTokenRequests(t: Teardown, port: string, host: string): Replica['token'] {
  const agent = new Agent({ keepAlive: true })
  t.teardown(() => agent.destroy())
  return async (fields) => {
    const headers = { host, 'content-type': 'application/x-www-form-urlencoded' }
    const { promise, resolve, reject } = Promise.withResolvers<TokenAnswer>()
    const sent = request({ host: '127.0.0.1', port, path: '/token', method: 'POST', headers, agent })
    sent.once('error', reject)
    sent.once('response', (response) => {
      const { statusCode = 0 } = response
      text(response).then((body) => resolve({ status: statusCode, body: JSON.parse(body) }), reject)
    })
    sent.end(`${new URLSearchParams(fields)}`)
    return promise
  }
}
