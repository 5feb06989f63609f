// Owns the clients that an operator adds: made the same way however often that is asked for, by the rules that hold for all.

import { randomBytes } from 'node:crypto'
import { errors } from 'oidc-provider'
import * as clients from '../storage/clients.ts'
import type { Database } from '../storage/database.ts'
import { hashToken } from '../storage/hash.ts'
import { canonical } from './client-fingerprint.ts'
import { type ClientMarks, markMembers } from './client-marks.ts'
import { type ClientMetadataRules, normaliseClientMetadata } from './client-metadata.ts'
import type { CLIENT_AUTHENTICATION, Members } from './client-metadata-members.ts'
import { ID_TOKENS } from './clients.ts'
import { DEVICE_GRANT } from './device-flow.ts'
import { CLIENT_CREDENTIALS, JWT_BEARER, TOKEN_EXCHANGE } from './grants/names.ts'
import { PAGES_CLIENT_ID } from './pages-client.ts'
import { newClientId } from './registrations.ts'

export type ClientAuthentication = (typeof CLIENT_AUTHENTICATION)[number]

export interface WantedClient {
  readonly name: string
  /** Null: the one of that name, or a new one with an identifier of ours. */
  readonly id: string | null
  readonly redirectUris: readonly string[]
  /** Beside those that redirect URIs bring along. */
  readonly grantTypes: readonly string[]
  /** Null: none for what people sign in to, a secret for what acts by itself. */
  readonly authentication: ClientAuthentication | null
  readonly jwks: Members | null
  readonly marks: ClientMarks
}

export interface SavedClient {
  readonly outcome: 'created' | 'updated' | 'unchanged'
  readonly id: string
  /** As stored, so without the secret. */
  readonly metadata: Members
  /** When there is a new one. It cannot be told a second time. */
  readonly secret: string | null
}

const CODE = 'authorization_code'
const REFRESH = 'refresh_token'
/** Every grant by the name that a person types. */
export const GRANT_TYPES: ReadonlyMap<string, string> = new Map([
  [CODE, CODE],
  [REFRESH, REFRESH],
  [CLIENT_CREDENTIALS, CLIENT_CREDENTIALS],
  ['device_code', DEVICE_GRANT],
  ['token_exchange', TOKEN_EXCHANGE],
  ['jwt_bearer', JWT_BEARER],
])
/** Those that end at a person, who can be asked; any other needs a client that proves who it is (RFC 6749 §4.4). */
const WITH_A_PERSON: readonly string[] = [CODE, REFRESH, DEVICE_GRANT]

/** Nothing in it needs escaping in a URL, and nothing else of ours begins like it. */
const ID = /^(?!key_)[A-Za-z0-9][A-Za-z0-9._~-]{0,127}$/
/** RFC 7518 §6: what only the owner of a key may have. */
const PRIVATE_MEMBERS = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k', 'priv']

/**
 * Creates the client, or makes the one with that identifier (or, without one, that name) what is wanted. Asked for the same
 * again it changes nothing. A secret that is still needed stays. Throws for what must not be, in words for the operator.
 */
export async function saveOperatorClient(
  db: Database,
  wanted: WantedClient,
  publicUrl: string,
): Promise<SavedClient> {
  const members = membersOf(wanted, publicUrl)
  const existing = await findExisting(db, wanted.id, String(members.client_name))
  const id = existing?.id ?? wanted.id ?? newClientId()
  const needsSecret = String(members.token_endpoint_auth_method).startsWith('client_secret')
  const kept = needsSecret ? existing?.metadata.client_secret : undefined
  if (existing && canonical(describe(existing.metadata)) === canonical(members))
    return { outcome: 'unchanged', id, metadata: describe(existing.metadata), secret: null }

  const secret = needsSecret && kept === undefined ? randomBytes(32).toString('base64url') : null
  const stored = secret === null ? kept : hashToken(secret)
  const metadata = {
    ...members,
    client_id: id,
    client_id_issued_at: Math.floor((existing?.createdAt.getTime() ?? Date.now()) / 1000),
    ...(stored !== undefined && { client_secret: stored, client_secret_expires_at: 0 }),
  }
  await clients.save(db, { id, metadata, expiresInSeconds: null, madeBy: 'operator' })
  return { outcome: existing ? 'updated' : 'created', id, metadata: members, secret }
}

/** What the operator said about it: without its identifier, and without its secret. */
export function describe(metadata: Members): Members {
  const {
    client_id: _id,
    client_id_issued_at: _issued,
    client_secret: _secret,
    client_secret_expires_at: _expires,
    ...said
  } = metadata
  return said
}

async function findExisting(
  db: Database,
  id: string | null,
  name: string,
): Promise<clients.StoredClient | null> {
  if (id === null) {
    const named = (await clients.listOperated(db)).filter(({ metadata }) => metadata.client_name === name)
    if (named.length > 1) throw new Error(`Several clients are called "${name}". Say which with --id.`)
    return named[0] ?? null
  }
  const found = await clients.find(db, id)
  if (found?.madeBy === 'registration')
    throw new Error(`The client ${id} registered itself. Choose another ID.`)
  return found
}

/** Throws for what must not be, in words for the operator. */
export function membersOf(wanted: WantedClient, publicUrl: string): Members {
  const { name, id, redirectUris, jwks, marks } = wanted
  if (name.trim() === '') throw new Error('A client needs a name.')
  if (id !== null && (!ID.test(id) || id === PAGES_CLIENT_ID))
    throw new Error(
      'A client ID is letters, digits and ._~- (128 at most), and neither `gatehouse` nor `key_…`.',
    )
  const grantTypes = grantTypesOf(wanted)
  const authentication = authenticationOf(wanted, grantTypes)
  const rules = {
    publicUrl,
    ...ID_TOKENS,
    grantTypes: [...GRANT_TYPES.values()],
    // An operator knows which schemes belong to the app; a dangerous one is refused all the same.
    redirectSchemes: redirectUris.map((uri) => uri.slice(0, uri.indexOf(':'))),
  }
  const said = {
    client_name: name,
    ...(redirectUris.length > 0 && { redirect_uris: [...new Set(redirectUris)] }),
    token_endpoint_auth_method: authentication,
    ...(jwks !== null && { jwks: publicKeys(jwks) }),
  }
  return {
    ...normalise(said, rules),
    // Not every client of an operator is one that people sign in with.
    grant_types: grantTypes,
    response_types: grantTypes.includes(CODE) ? ['code'] : [],
    redirect_uris: said.redirect_uris ?? [],
    ...markMembers(marks),
  }
}

/** What a client would be told as an error code is told the operator in words. */
function normalise(said: Members, rules: ClientMetadataRules): Members {
  try {
    return normaliseClientMetadata(said, 'registration', rules)
  } catch (cause) {
    if (!(cause instanceof errors.OIDCProviderError)) throw cause
    throw new Error(cause.error_description ?? cause.message, { cause })
  }
}

function grantTypesOf({ redirectUris, grantTypes, marks }: WantedClient): readonly string[] {
  const all = new Set([...(redirectUris.length > 0 ? [CODE, REFRESH] : []), ...grantTypes])
  if (all.has(CODE) && redirectUris.length === 0) throw new Error('authorization_code needs a --redirect.')
  const isResourceServer = marks.introspects === null || marks.introspects.size > 0
  if (all.size === 0 && !isResourceServer)
    throw new Error(
      'Say what it is for: --redirect URI where people sign in with it, --grant client_credentials where it acts by itself, or --resource-server.',
    )
  return [...all]
}

function authenticationOf(
  { authentication, jwks, marks }: WantedClient,
  grantTypes: readonly string[],
): ClientAuthentication {
  const actsByItself =
    marks.introspects === null ||
    marks.introspects.size > 0 ||
    grantTypes.some((grantType) => !WITH_A_PERSON.includes(grantType))
  const method = authentication ?? (jwks ? 'private_key_jwt' : actsByItself ? 'client_secret_basic' : 'none')
  if (method === 'none' && actsByItself)
    throw new Error(
      'It acts without a person, so it has to prove who it is: choose another --auth than none.',
    )
  if (method === 'private_key_jwt' && !jwks)
    throw new Error('private_key_jwt needs --jwks with its public keys.')
  if (method !== 'private_key_jwt' && jwks) throw new Error('--jwks is for --auth private_key_jwt.')
  return method
}

function publicKeys(jwks: Members): { readonly keys: readonly object[] } {
  const keys: unknown = jwks.keys
  if (!Array.isArray(keys) || keys.length === 0) throw new Error('The JWKS has no keys.')
  return {
    keys: keys.map((key: unknown) => {
      if (typeof key !== 'object' || key === null || !('kty' in key))
        throw new Error('The JWKS has a key that is none.')
      if (PRIVATE_MEMBERS.some((member) => member in key))
        throw new Error(
          'The JWKS has a private key. Give the public part alone; nobody here may know the rest.',
        )
      return key
    }),
  }
}
