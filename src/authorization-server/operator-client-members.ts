// Owns what a client that an operator wants becomes as metadata, and which wishes are refused, in words for the operator.

import { errors } from 'oidc-provider'
import { type ClientMarks, markMembers } from './client-marks.ts'
import { type ClientMetadataRules, normaliseClientMetadata } from './client-metadata.ts'
import type { CLIENT_AUTHENTICATION, Members } from './client-metadata-members.ts'
import { ID_TOKENS } from './clients.ts'
import { DEVICE_GRANT } from './device-flow.ts'
import { CLIENT_CREDENTIALS, JWT_BEARER, TOKEN_EXCHANGE } from './grants/names.ts'
import { PAGES_CLIENT_ID } from './pages-client.ts'

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
