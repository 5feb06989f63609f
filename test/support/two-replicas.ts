// Owns two replicas of one Gatehouse in tests: two apps with a database connection each, and one PostgreSQL behind both.

import { randomBytes } from 'node:crypto'
import { Writable } from 'node:stream'
import { buildApp } from '../../src/app.ts'
import { loadConfig } from '../../src/config/config.ts'
import { createLogger } from '../../src/ops/logger.ts'
import { type Database, openDatabase } from '../../src/storage/database.ts'
import { type Answer, send } from '../gateway/stage.ts'
import { type Browser, createBrowser } from './browser.ts'
import { createTestDatabase, type Teardown } from './database.ts'
import { CHEAP_PASSWORDS } from './gatehouse.ts'
import { freePort } from './local-server.ts'
import { mintToken } from './minted-token.ts'

export interface Replica {
  /** Where this one listens. */
  readonly origin: string
  readonly log: () => string
}

export interface TwoReplicas {
  /** PUBLIC_URL, at which the first one answers. */
  readonly origin: string
  readonly first: Replica
  readonly second: Replica
  /** Beside the replicas' own connections. */
  readonly db: Database
  /** Of the upstream `notes`. */
  readonly resource: string
  browser(): Browser
  /** A good token, but for what the claims say. */
  token(claims?: Readonly<Record<string, unknown>>): Promise<string>
}

export interface ReplicaOptions {
  /** MCP endpoint of the upstream `notes`. */
  readonly upstream: string
  /** Where the second replica finds its database, given where it is. */
  readonly reach?: (url: string) => Promise<string>
}

export async function startReplicas(t: Teardown, { upstream, reach }: ReplicaOptions): Promise<TwoReplicas> {
  const { db, config } = await createTestDatabase(t)
  if (config.kind !== 'postgres') throw new Error('replicas need a PostgreSQL')
  const port = await freePort()
  const origin = `http://localhost:${port}`
  const secretKeys = [randomBytes(32).toString('base64url')]
  const start = async (listenOn: number, url: string): Promise<Replica> => {
    const lines: string[] = []
    const destination = new Writable({
      write(chunk, _encoding, done) {
        lines.push(String(chunk))
        done()
      },
    })
    const env = {
      HOST: '127.0.0.1',
      PORT: String(listenOn),
      PUBLIC_URL: origin,
      UPSTREAM_NOTES_URL: upstream,
    }
    const storage = await openDatabase({ kind: 'postgres', url })
    const logger = createLogger({ level: 'info', destination })
    const overrides = { logger, storage, passwordCost: CHEAP_PASSWORDS }
    const { app } = await buildApp(loadConfig(env), { secretKeys }, overrides)
    t.teardown(async () => {
      await app.close()
      await storage.close()
    })
    await app.listen({ host: '127.0.0.1', port: listenOn })
    return { origin: `http://127.0.0.1:${listenOn}`, log: () => lines.join('') }
  }

  const first = await start(port, config.url)
  const second = await start(await freePort(), reach ? await reach(config.url) : config.url)
  return {
    origin,
    first,
    second,
    db,
    resource: `${origin}/mcp`,
    browser: () => createBrowser(origin),
    token: (claims) => mintToken({ db, secretKeys, issuer: origin }, claims),
  }
}

/** A call of a tool's list at this replica, under the name of both. */
export function callAt({ origin }: Replica, publicUrl: string, token: string): Promise<Answer> {
  return send({ origin }, { path: '/mcp', token, headers: { host: new URL(publicUrl).host } })
}
