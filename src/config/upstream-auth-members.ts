// Owns what may be said in the `auth` of an upstream, type by type.

import * as z from 'zod'
import { parseDuration } from './durations.ts'
import { SIGNING_ALGORITHMS } from './upstream-client-key.ts'
import { upstreamUrl } from './upstream-url.ts'
import { parsed } from './values.ts'

const ISSUER_EXPECTED = 'the URL of an authorization server, exactly as its metadata says it'
const TEXT_EXPECTED = 'a text without control characters, 1 to 2048 characters'
const SCOPES_EXPECTED = 'a list of scopes, or one text with spaces between them'
const HEADER_EXPECTED = 'the name of a header, such as Authorization or X-Api-Key'
const GRANT_EXPECTED = 'authorization_code, client_credentials or jwt-bearer'
const LONG_EXPECTED = 'a text of 1 to 16384 characters'
const IDP_EXPECTED = 'an object with token_endpoint and client_id'
const TTL_EXPECTED = 'a duration from 10s to 1h, such as 5m'

export const DEFAULT_HEADER = 'authorization'
const DEFAULT_TTL_SECONDS = 5 * 60
const MIN_TTL_SECONDS = 10
const MAX_TTL_SECONDS = 60 * 60

const text = z.string({ error: TEXT_EXPECTED }).regex(/^\P{Cc}{1,2048}$/u, TEXT_EXPECTED)
const url = upstreamUrl
/** As it is written: issuers are compared byte by byte (RFC 8414 §3.3). */
const issuer = z
  .string({ error: ISSUER_EXPECTED })
  .refine((given) => upstreamUrl.safeParse(given).success && !given.includes('?'), ISSUER_EXPECTED)
const scopes = z
  .union(
    [z.string().transform((line) => line.split(/\s+/).filter((scope) => scope !== '')), z.array(z.string())],
    { error: SCOPES_EXPECTED },
  )
  .refine((list) => list.every((scope) => /^[\x21\x23-\x5b\x5d-\x7e]{1,256}$/.test(scope)), SCOPES_EXPECTED)

const headerName = z
  .string({ error: HEADER_EXPECTED })
  .regex(/^[\w!#$%&'*+.^`|~-]{1,64}$/, HEADER_EXPECTED)
  .transform((name) => name.toLowerCase())
  .refine((name) => !NOT_OURS.test(name), HEADER_EXPECTED)
const NOT_OURS = /^(?:mcp-.*|cookie|host|connection|content-.*|transfer-encoding|accept.*|te|upgrade)$/

const ttl = z
  .string({ error: TTL_EXPECTED })
  .pipe(parsed(parseDuration, TTL_EXPECTED))
  .refine((seconds) => seconds >= MIN_TTL_SECONDS && seconds <= MAX_TTL_SECONDS, TTL_EXPECTED)

const long = z.string({ error: LONG_EXPECTED }).min(1, LONG_EXPECTED).max(16_384, LONG_EXPECTED)

const clientKey = {
  private_key: long.optional(),
  private_key_id: text.optional(),
  signing_algorithm: z
    .enum(SIGNING_ALGORITHMS, { error: `one of ${SIGNING_ALGORITHMS.join(', ')}` })
    .optional(),
}

/** By `type`. Unknown members are for other programs, and for comments. */
export const members = {
  oauth2: z.object({
    shared: z.boolean({ error: 'true or false' }).default(false),
    grant: z
      .enum(['authorization_code', 'client_credentials', 'jwt-bearer'], { error: GRANT_EXPECTED })
      .default('authorization_code'),
    client_id: text.optional(),
    client_secret: text.optional(),
    ...clientKey,
    assertion: long.optional(),
    assertion_file: text.optional(),
    dpop: z.boolean({ error: 'true or false: whether tokens are bound to a key' }).optional(),
    issuer: issuer.optional(),
    authorization_endpoint: url.optional(),
    token_endpoint: url.optional(),
    device_authorization_endpoint: url.optional(),
    revocation_endpoint: url.optional(),
    scopes: scopes.optional(),
    audience: text.optional(),
    resource: z.boolean({ error: 'true or false: whether the resource parameter is sent' }).default(true),
    redirect_uri: url.optional(),
  }),
  'api-key': z.object({
    header: headerName.default(DEFAULT_HEADER),
    prefix: z
      .string({ error: TEXT_EXPECTED })
      .regex(/^[\x20-\x7e]{0,64}$/, TEXT_EXPECTED)
      .optional(),
    hint: text.optional(),
  }),
  identity: z.object({
    header: headerName.default(DEFAULT_HEADER),
    prefix: z
      .string({ error: TEXT_EXPECTED })
      .regex(/^[\x20-\x7e]{0,64}$/, TEXT_EXPECTED)
      .optional(),
    audience: text.optional(),
    ttl: ttl.default(DEFAULT_TTL_SECONDS),
  }),
  'token-exchange': z.object({
    token_endpoint: url,
    client_id: text,
    client_secret: text.optional(),
    audience: text.optional(),
    resource: text.optional(),
    scopes: scopes.optional(),
  }),
  'id-jag': z.object({
    issuer,
    identity_provider: z
      .object(
        { token_endpoint: url, client_id: text, client_secret: text.optional() },
        { error: IDP_EXPECTED },
      )
      .optional(),
    hint: text.optional(),
    token_endpoint: url.optional(),
    client_id: text,
    client_secret: text.optional(),
    scopes: scopes.optional(),
  }),
} as const
