// Owns logging in at an upstream's authorization server as ourselves: with our own credentials, or with what our platform says we are.

import { readFile } from 'node:fs/promises'
import type { OAuth2Auth, WorkloadAssertion } from '../../oauth/upstream-auth.ts'
import type { NewSecret, StoredConnection } from '../../storage/upstream-connection-row.ts'
import { discover, hostOf, type LoginServer } from '../oauth/discovery.ts'
import { LoginRefused, OAuthFailure } from '../oauth/failure.ts'
import { chooseKey, insistOnBinding } from '../oauth/key-binding.ts'
import type { ProofKey } from '../oauth/proofs.ts'
import type { LoginClient } from '../oauth/registration.ts'
import { type Parameters, type Reach, requestTokens, TokenRefusal } from '../oauth/token-endpoint.ts'
import { type Granted, toGranted } from '../oauth/tokens.ts'
import type { Upstream } from '../registry.ts'
import { loginSecret, readSecret } from './secret.ts'

const JWT_BEARER = 'urn:ietf:params:oauth:grant-type:jwt-bearer'
/** What stands in a form, and in no more than a token has. */
const ASSERTION = /^[\x21-\x7e]{1,16384}$/
/** RFC 6749 §5.2: what may be told to an operator. */
const CODE = /^[\w-]{1,64}$/

export interface OwnTarget {
  readonly upstream: Upstream
  /** Its URL. */
  readonly place: string
  readonly auth: OAuth2Auth
}

/**
 * The server is found anew each time, because there is nobody who would log in again when it has moved. What is there keeps
 * its key. Rejects with LoginRefused when no waiting helps, with another OAuthFailure when it may.
 */
export async function grantToOurselves(
  { upstream, place, auth }: OwnTarget,
  { secret }: Pick<StoredConnection, 'secret'>,
  reach: Reach,
): Promise<NewSecret> {
  const server = await discover(place, auth, reach.fetch)
  const client = asOurselves(auth)
  const had = readSecret(secret)
  const key = (had?.kind === 'login' ? had.key : null) ?? chooseKey(server, auth, upstream)
  const granted = insistOnBinding(
    await ask(server, client, await parametersOf(server, auth), reach, key),
    auth,
  )
  const { scopes, goodUntil } = granted
  return { secret: loginSecret(granted, server, client, key), scopes, goodUntil }
}

function asOurselves({ clientId, clientSecret, clientKey: key }: OAuth2Auth): LoginClient {
  if (clientId === null) throw new LoginRefused('There is no client_id.')
  return { clientId, clientSecret, key, authMethod: null, registrationId: null }
}

async function parametersOf(server: LoginServer, { assertion, audience }: OAuth2Auth): Promise<Parameters> {
  const common = { scope: server.scope, resource: server.resource, audience }
  if (assertion === null) return { grant_type: 'client_credentials', ...common }
  return { grant_type: JWT_BEARER, assertion: await read(assertion), ...common }
}

/** Platforms write it anew before it runs out, so it is read at every use. */
async function read(assertion: WorkloadAssertion): Promise<string> {
  const text =
    assertion.kind === 'text' ? assertion.text : await readFile(assertion.path, 'utf8').catch(() => '')
  const token = text.trim()
  if (ASSERTION.test(token)) return token
  throw new OAuthFailure('The assertion of the workload cannot be read, or is none.')
}

async function ask(
  server: LoginServer,
  client: LoginClient,
  parameters: Parameters,
  reach: Reach,
  key: ProofKey | null,
): Promise<Granted> {
  const tokens = await requestTokens(server, client, parameters, reach, key).catch((cause: unknown) => {
    const host = hostOf(server.url)
    if (!(cause instanceof TokenRefusal) || cause.status >= 500)
      throw new OAuthFailure(`${host} gives Gatehouse no token at the moment.`, cause)
    const { code, status } = cause
    const why = code !== null && CODE.test(code) ? code : `status ${status}`
    throw new LoginRefused(`${host} does not let Gatehouse in: ${why}.`, cause)
  })
  return toGranted(tokens, server.scope, key)
}
