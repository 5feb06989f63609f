// Owns clients that an operator created, in tests: what no registration can have.

import { randomBytes } from 'node:crypto'
import { exportJWK, type GenerateKeyPairResult, generateKeyPair } from 'jose'
import * as client from 'openid-client'
import { type ClientMarks, markMembers, NO_MARKS } from '../../src/authorization-server/client-marks.ts'
import * as clients from '../../src/storage/clients.ts'
import { hashToken } from '../../src/storage/hash.ts'
import type { Running } from './gatehouse.ts'

export interface OperatorClient {
  readonly id: string
  readonly secret: string
  /** What its authentication header says, for requests by hand. */
  readonly basic: { readonly authorization: string }
  /** openid-client, having discovered the server. */
  readonly configuration: client.Configuration
}

export interface OperatorClientOptions {
  readonly grants?: readonly string[]
  readonly scope?: string
  readonly introspects?: ClientMarks['introspects']
  readonly method?: 'client_secret_basic' | 'client_secret_post' | 'none'
  readonly metadata?: Readonly<Record<string, unknown>>
}

export async function createOperatorClient(
  running: Pick<Running, 'db' | 'origin'>,
  options: OperatorClientOptions = {},
): Promise<OperatorClient> {
  const { grants = [], method = 'client_secret_basic' } = options
  const id = `machine-${randomBytes(6).toString('hex')}`
  const secret = randomBytes(24).toString('base64url')
  const members = {
    ...(method !== 'none' && { client_secret: hashToken(secret) }),
    token_endpoint_auth_method: method,
    grant_types: grants,
  }
  await save(running, id, members, options)
  const configuration = await discover(running.origin, id, authentication(method, secret))
  return { id, secret, basic: basicHeader(id, secret), configuration }
}

/** Authenticates with a key of its own (RFC 7523 §2.2). */
export async function createKeyedClient(
  running: Pick<Running, 'db' | 'origin'>,
  options: OperatorClientOptions = {},
): Promise<{ id: string; key: GenerateKeyPairResult['privateKey']; configuration: client.Configuration }> {
  const { publicKey, privateKey } = await generateKeyPair('ES256', { extractable: true })
  const id = `machine-${randomBytes(6).toString('hex')}`
  const members = {
    token_endpoint_auth_method: 'private_key_jwt',
    jwks: { keys: [{ ...(await exportJWK(publicKey)), kid: 'k1', alg: 'ES256', use: 'sig' }] },
    grant_types: options.grants ?? [],
  }
  await save(running, id, members, options)
  const key = { key: privateKey, kid: 'k1' }
  return { id, key: privateKey, configuration: await discover(running.origin, id, client.PrivateKeyJwt(key)) }
}

async function save(
  { db }: Pick<Running, 'db'>,
  id: string,
  members: Readonly<Record<string, unknown>>,
  { scope, introspects = NO_MARKS.introspects, metadata }: OperatorClientOptions,
): Promise<void> {
  const marks = markMembers({ ...NO_MARKS, scopes: new Set(scope?.split(' ')), introspects })
  const standing = { client_id: id, client_name: 'A machine', redirect_uris: [], response_types: [] }
  await clients.save(db, {
    id,
    metadata: { ...standing, ...members, ...marks, ...metadata },
    expiresInSeconds: null,
  })
}

export async function discover(
  origin: string,
  id: string,
  authentication: client.ClientAuth = client.None(),
): Promise<client.Configuration> {
  // Plain http on this machine; nothing else of its checks is loosened.
  const execute = [client.allowInsecureRequests]
  return await client.discovery(new URL(origin), id, undefined, authentication, {
    execute,
    algorithm: 'oauth2',
  })
}

export function basicHeader(id: string, secret: string): { authorization: string } {
  return { authorization: `Basic ${Buffer.from(`${id}:${secret}`).toString('base64')}` }
}

function authentication(method: OperatorClientOptions['method'], secret: string): client.ClientAuth {
  if (method === 'none') return client.None()
  return method === 'client_secret_post' ? client.ClientSecretPost(secret) : client.ClientSecretBasic(secret)
}
