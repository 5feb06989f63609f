// Owns Gatehouse's part in the bench: the real process on PostgreSQL, and tokens that it issued to a registered client.

import { createPublicKey, randomBytes } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { openDatabase } from '../../../src/storage/database.ts'
import { createBrowser } from '../../support/browser.ts'
import { prepareTestDatabase } from '../../support/database.ts'
import { createPerson } from '../../support/gatehouse.ts'
import { freePort } from '../../support/local-server.ts'
import { getJson, postForm } from '../../support/oauth.ts'
import { ROOT } from '../../support/process.ts'
import { type Connected, connect } from '../../support/sign-in.ts'
import { answersAt, startPinned, TARGET_CORE } from './machine.ts'
import type { Stage } from './stage.ts'
import type { Target } from './target.ts'

export interface BenchGatehouse extends Target, Pick<Stage, 'jwksFile' | 'keyFile' | 'host'> {
  /** So many different ones, good for an hour. */
  tokens(count: number): Promise<readonly string[]>
  /** A replica of it, out of another working copy. */
  startAnother(name: string, root: string): Promise<Target>
}

const ALICE = 'alice@example.com'

/** They count as always; but here one person has all the calls and streams of a whole service. */
const RAISED_LIMITS = {
  RATE_PER_PERSON: '1000000/s',
  MAX_CALLS_PER_PERSON: '100000',
  MAX_CALLS_PER_UPSTREAM: '100000',
  MAX_STREAMS_PER_PERSON: '100000',
  MAX_STREAMS_PER_UPSTREAM: '100000',
}

/** As a team would have it: exceptions for some before a rule for all, and a rule that looks at arguments. */
const POLICY = {
  groups: { admins: [ALICE], support: ['sam@example.com'] },
  rules: [
    { upstream: 'bench', tools: ['delete_*', 'drop_*'], groups: ['admins'], effect: 'allow' },
    { upstream: 'bench', tools: ['delete_*', 'drop_*'], effect: 'deny', reason: 'Ask an admin.' },
    {
      tools: ['search'],
      arguments: { properties: { limit: { type: 'integer', maximum: 100 } } },
      effect: 'allow',
    },
    { groups: ['support'], effect: 'read-only' },
  ],
  default: 'allow',
}

/** What `npm start` gives to Node. */
const AS_STARTED = ['--max-semi-space-size=8']
/** Whose refresh tokens are exchanged again and again, all at once. */
const GRANTS = 8

export async function startGatehouse(
  stage: Pick<Stage, 't' | 'directory' | 'upstream'>,
): Promise<BenchGatehouse> {
  const { t, directory, upstream } = stage
  const config = await prepareTestDatabase(t)
  if (config.kind !== 'postgres') throw new Error('not PostgreSQL')
  const host = `localhost:${await freePort()}`
  const origin = `http://${host}`
  // What is not named here is as an operator finds it: the log, the audit and every check are on.
  const env = {
    PUBLIC_URL: origin,
    DATABASE_URL: config.url,
    SECRET_KEY: randomBytes(32).toString('base64url'),
    UPSTREAMS: JSON.stringify({ mcpServers: { bench: { url: upstream.url } } }),
    ACCESS_TOKEN_TTL: '1h',
    MAX_BODY: '20mb',
    METRICS_PORT: String(await freePort()),
    POLICY: JSON.stringify(POLICY),
    ...RAISED_LIMITS,
    NODE_ENV: 'production',
  }
  const target = await startReplica(stage, {
    name: 'Gatehouse',
    root: ROOT,
    port: Number(host.split(':')[1]),
    env,
  })
  const { db, close } = await openDatabase(config)
  t.teardown(close)
  await createPerson(db, ALICE)
  return {
    ...target,
    host,
    tokens: (count) => issue(origin, count),
    startAnother: async (name, root) => {
      const own = { ...env, METRICS_PORT: String(await freePort()) }
      return startReplica(stage, { name, root, port: await freePort(), env: own })
    },
    ...(await saveKeys(origin, directory)),
  }
}

interface Replica {
  readonly name: string
  /** Of the working copy. */
  readonly root: string
  readonly port: number
  readonly env: Readonly<Record<string, string>>
}

async function startReplica(
  { t, directory }: Pick<Stage, 't' | 'directory'>,
  { name, root, port, env }: Replica,
): Promise<Target> {
  const inspectorPort = await freePort()
  const { pid } = await startPinned(t, directory, {
    core: TARGET_CORE,
    command: process.execPath,
    args: [`--inspect-port=${inspectorPort}`, ...AS_STARTED, join(root, 'src/cli/gatehouse.js'), 'serve'],
    env: { ...env, PORT: String(port) },
  })
  const url = `http://127.0.0.1:${port}`
  await answersAt(`${url}/readyz`)
  return { name, url: `${url}/mcp`, pids: [pid], versatile: true, inspectorPort }
}

/** A person agrees a few times, and each client asks for a new token as often as it likes. */
async function issue(origin: string, count: number): Promise<readonly string[]> {
  const browser = createBrowser(origin)
  const grants: Connected[] = []
  while (grants.length < GRANTS) grants.push(await connect(origin, browser, ALICE))
  const each = Math.ceil(count / GRANTS)
  const chains = await Promise.all(grants.map((grant) => refreshAgain(origin, grant, each)))
  return chains.flat().slice(0, count)
}

async function refreshAgain(
  origin: string,
  { client, accessToken, refreshToken }: Connected,
  count: number,
): Promise<readonly string[]> {
  const tokens = [accessToken]
  let refresh_token = refreshToken
  while (tokens.length < count) {
    const form = { grant_type: 'refresh_token', client_id: client.client_id, refresh_token }
    const { body } = await postForm(`${origin}/token`, form)
    refresh_token = String(body.refresh_token)
    tokens.push(String(body.access_token))
  }
  return tokens
}

async function saveKeys(origin: string, directory: string): Promise<Pick<Stage, 'jwksFile' | 'keyFile'>> {
  const { body } = await getJson(`${origin}/jwks`)
  const keys = Array.isArray(body.keys) ? body.keys : []
  const jwksFile = join(directory, 'jwks.json')
  const keyFile = join(directory, 'key.pem')
  await writeFile(jwksFile, JSON.stringify({ keys }))
  const pem = createPublicKey({ key: keys[0], format: 'jwk' }).export({ type: 'spki', format: 'pem' })
  await writeFile(keyFile, pem)
  return { jwksFile, keyFile }
}
