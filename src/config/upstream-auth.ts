// Owns the `auth` of an upstream of the configuration: the login that it wants beside static headers.

import type * as z from 'zod'
import type {
  ApiKeyAuth,
  AssertionAuth,
  ExchangeAuth,
  IdentityAuth,
  UpstreamAuth,
} from '../oauth/upstream-auth.ts'
import { kindOf } from './problem.ts'
import { DEFAULT_HEADER, members } from './upstream-auth-members.ts'
import { toOAuth2 } from './upstream-oauth2.ts'
import type { Reading } from './upstream-reached.ts'
import { expand } from './upstream-references.ts'

const KINDS = ['oauth2', 'api-key', 'identity', 'token-exchange', 'id-jag'] as const
const KIND_EXPECTED = `an object whose type is ${KINDS.slice(0, -1).join(', ')} or ${KINDS.at(-1)}`
/** The parts of the reading of an entry that this needs. */
type Needs = Pick<Reading, 'place' | 'references' | 'report'>

/** Null when there is none, and after a problem; every one is reported. References in secrets are expanded. */
export function readAuth(raw: unknown, needs: Needs): UpstreamAuth | null {
  if (raw === undefined) return null
  const kind = KINDS.find((each) => isObject(raw) && Reflect.get(raw, 'type') === each)
  if (kind === undefined || !isObject(raw)) {
    needs.report({ ...needs.place(['auth']), expected: KIND_EXPECTED, got: kindOf(raw) })
    return null
  }
  const secretive = withSecrets(raw, needs)
  switch (kind) {
    case 'oauth2':
      return toOAuth2(check(members.oauth2, secretive, needs), needs)
    case 'api-key':
      return toApiKey(check(members['api-key'], secretive, needs))
    case 'identity':
      return toIdentity(check(members.identity, secretive, needs))
    case 'token-exchange':
      return toExchange(check(members['token-exchange'], secretive, needs))
    case 'id-jag':
      return toAssertion(check(members['id-jag'], secretive, needs))
  }
}

/** Only these may refer to a variable. */
const SECRETS = ['client_id', 'client_secret', 'private_key', 'assertion', 'assertion_file'] as const

function withSecrets(raw: object, needs: Needs): object {
  const provider: unknown = Reflect.get(raw, 'identity_provider')
  const inner = isObject(provider)
    ? { identity_provider: expandedIn(provider, ['auth', 'identity_provider'], needs) }
    : {}
  return { ...expandedIn(raw, ['auth'], needs), ...inner }
}

function expandedIn(raw: object, at: readonly string[], { place, references, report }: Needs): object {
  const expanded = SECRETS.flatMap((member) => {
    const given: unknown = Reflect.get(raw, member)
    if (typeof given !== 'string') return []
    const where = place([...at, member])
    return [
      [member, expand(given, references, (expected, got) => report({ ...where, expected, got })).trim()],
    ]
  })
  return { ...raw, ...Object.fromEntries(expanded) }
}

function check<T extends z.ZodType>(schema: T, raw: object, { place, report }: Needs): z.output<T> | null {
  const { data, error } = schema.safeParse(raw)
  for (const { path, message } of error?.issues ?? []) {
    const [member] = path
    const value: unknown = member === undefined ? raw : Reflect.get(raw, member)
    report({ ...place(['auth', ...path.map(String)]), expected: message, got: kindOf(value) })
  }
  return data ?? null
}

function toApiKey(given: z.output<(typeof members)['api-key']> | null): ApiKeyAuth | null {
  return given && { type: 'api-key', ...placed(given), hint: given.hint ?? null }
}

function toIdentity(given: z.output<typeof members.identity> | null): IdentityAuth | null {
  return (
    given && { type: 'identity', ...placed(given), audience: given.audience ?? null, ttlSeconds: given.ttl }
  )
}

/** RFC 6750 §2.1 for the usual header; any other holds the value alone. */
function placed({ header, prefix }: { readonly header: string; readonly prefix?: string | undefined }) {
  return { header, prefix: prefix ?? (header === DEFAULT_HEADER ? 'Bearer ' : '') }
}

function toExchange(given: z.output<(typeof members)['token-exchange']> | null): ExchangeAuth | null {
  return (
    given && {
      type: 'token-exchange',
      tokenEndpoint: given.token_endpoint,
      clientId: given.client_id,
      clientSecret: given.client_secret ?? null,
      audience: given.audience ?? null,
      resource: given.resource ?? null,
      scopes: given.scopes ?? null,
    }
  )
}

function toAssertion(given: z.output<(typeof members)['id-jag']> | null): AssertionAuth | null {
  return (
    given && {
      type: 'id-jag',
      issuer: given.issuer,
      identityProvider: providerOf(given.identity_provider),
      hint: given.hint ?? null,
      tokenEndpoint: given.token_endpoint ?? null,
      clientId: given.client_id,
      clientSecret: given.client_secret ?? null,
      scopes: given.scopes ?? null,
    }
  )
}

function providerOf(
  given: z.output<(typeof members)['id-jag']>['identity_provider'],
): AssertionAuth['identityProvider'] {
  if (given === undefined) return null
  const { token_endpoint: tokenEndpoint, client_id: clientId, client_secret: clientSecret = null } = given
  return { tokenEndpoint, clientId, clientSecret }
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
