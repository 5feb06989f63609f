// Owns one service of two processes behind a load balancer that knows nothing of sessions.

import { randomBytes } from 'node:crypto'
import type { Test } from 'tap'
import { openDatabase } from '../../src/storage/database.ts'
import { findHaproxy, startBalancer } from './balancer.ts'
import { prepareTestDatabase } from './database.ts'
import { freePort } from './local-server.ts'
import { mintToken } from './minted-token.ts'
import { type Environment, type Served, serve } from './process.ts'

export interface BalancedReplicas {
  /** PUBLIC_URL: the load balancer. */
  readonly origin: string
  readonly replicas: readonly Served[]
  /** Good for one upstream. */
  token(upstream: string): Promise<string>
}

/** Null when there is no load balancer on this machine; the test says so. */
export async function startBalanced(t: Test, env: Environment): Promise<BalancedReplicas | null> {
  const haproxy = findHaproxy(t)
  if (haproxy === null) return null
  const config = await prepareTestDatabase(t)
  if (config.kind !== 'postgres') throw new Error('not PostgreSQL')
  const [port, ...ports] = await Promise.all([freePort(), freePort(), freePort()])
  const issuer = `http://localhost:${port}`
  const secret = randomBytes(32).toString('base64url')
  const shared = { ...env, PUBLIC_URL: issuer, SECRET_KEY: secret, DATABASE_URL: config.url }
  // The first one migrates and makes the keys.
  const replicas: Served[] = []
  for (const at of ports) replicas.push(await serve(t, { ...shared, PORT: String(at) }))
  await startBalancer(t, haproxy, port, ports)
  const { db, close } = await openDatabase(config)
  t.teardown(close)
  return {
    origin: issuer,
    replicas,
    token: (upstream) =>
      mintToken({ db, secretKeys: [secret], issuer }, { aud: `${issuer}/mcp/${upstream}`, scope: upstream }),
  }
}
