// Owns the rule for each member of a client's metadata that has one; client-metadata.ts puts them together.

import { errors } from 'oidc-provider'
import { displayName, visibleText, withoutSigns } from '../http/display.ts'
import { outboundTarget } from '../http/outbound-target.ts'
import {
  isAllowedRedirect,
  isLoopbackRedirect,
  isNativeRedirect,
  judgeRedirectUri,
  redirectHost,
} from './redirect-uris.ts'

export type Members = Readonly<Record<string, unknown>>
/** Who says it: a registration request, or a client ID metadata document. */
export type MetadataSource = 'registration' | 'document'

/** How clients may authenticate at the token endpoint; oidc-provider is configured with the same list. */
export const CLIENT_AUTHENTICATION = [
  'none',
  'private_key_jwt',
  'client_secret_basic',
  'client_secret_post',
] as const
const OFFERED_AUTHENTICATION: readonly unknown[] = CLIENT_AUTHENTICATION

const MOST_REDIRECT_URIS = 10
const LONGEST_TEXT = 200
const LONGEST_URI = 2000
const EMAIL = /^[a-zA-Z0-9.!#$%&'*+/=?^_`{|}~-]+@[a-zA-Z0-9-]+(?:\.[a-zA-Z0-9-]+)*$/

/** Clients in the field send null and "" for what they do not have. */
export function withoutEmpty(members: Members): Members {
  return Object.fromEntries(
    Object.entries(members).filter(([, value]) => value !== null && value !== undefined && value !== ''),
  )
}

/** What a client gets that names none, or nothing in place of one: with refresh tokens, since the SDKs leave both out. */
export const USUAL_GRANTS: readonly string[] = ['authorization_code', 'refresh_token']

export interface RedirectRules {
  readonly redirectSchemes?: readonly string[]
  readonly redirectHosts?: readonly string[]
}

/** Refuses the whole list for one dangerous entry, and does without those that are merely unknown or not allowed here. */
export function checkRedirectUris(
  given: unknown,
  label: string,
  { redirectSchemes, redirectHosts }: RedirectRules,
): readonly string[] | undefined {
  if (given === undefined) return undefined
  if (!Array.isArray(given)) throw invalid(`${label} must be an array of strings`)
  const uris = given.filter((uri) => uri !== null && uri !== '')
  if (uris.length > MOST_REDIRECT_URIS) {
    throw invalid(`${label} must not have more than ${MOST_REDIRECT_URIS} entries`)
  }
  const accepted = uris.filter((uri: unknown, index): uri is string => {
    const verdict = judgeRedirectUri(uri, redirectSchemes)
    if (verdict.kind === 'refused') throw invalid(`${label}[${index}] ${verdict.reason}`)
    return verdict.kind === 'accepted'
  })
  if (accepted.length === 0 && uris.length > 0) {
    throw invalid(`${label} needs an https URI, a loopback URI, or a reverse-domain scheme (com.example.app)`)
  }
  const allowed = redirectHosts ? accepted.filter((uri) => isAllowedRedirect(uri, redirectHosts)) : accepted
  if (allowed.length === 0 && accepted.length > 0) throw invalid(`${label} has no host that is allowed here`)
  return allowed
}

/** What people are shown: short, visible, never empty. */
export function nameOf(
  name: unknown,
  redirectUris: readonly string[] | undefined,
  source: MetadataSource,
): unknown {
  // MCP 2026-07-28, client registration: a document without a name is invalid.
  if (source === 'document' && name === undefined) throw invalid('client_name is missing from the document')
  // A name that is no text is oidc-provider's to refuse.
  if (name !== undefined && typeof name !== 'string') return name
  const shown = withoutSigns(visibleText(name ?? '')).trim()
  if (shown !== '') return displayName(shown)
  return displayName(redirectHost(redirectUris?.[0] ?? '').replace(/:$/, ''))
}

/**
 * Declared, or what the redirect URIs make of it: only native clients may use any loopback port (RFC 8252 §7.3) and
 * schemes of their own, and the clients that do so often do not say that they are native.
 */
export function applicationType(declared: unknown, redirectUris: readonly string[] = []): string {
  if (redirectUris.some(isNativeRedirect)) return 'native'
  // https on a loopback host: a web client that is being developed.
  if (redirectUris.some(isLoopbackRedirect)) return 'web'
  return declared === 'native' ? 'native' : 'web'
}

/** RFC 7591 §2.1: what is offered of what was asked for. OAuth 2.1 leaves one response type. */
export function grantsOf(given: Members, offered: readonly string[]): Members {
  const asked = strings(given.grant_types) ?? USUAL_GRANTS
  const grants = new Set(asked.filter((grant) => offered.includes(grant)))
  if (grants.size === 0) {
    throw invalid('grant_types has nothing that is offered here; use authorization_code, and refresh_token')
  }
  const responses = strings(given.response_types) ?? (needsNoCode(given, asked) ? [] : ['code'])
  if (responses.includes('code')) grants.add('authorization_code')
  return { grant_types: [...grants], response_types: grants.has('authorization_code') ? ['code'] : [] }
}

/** A machine: it names neither a response nor where one would go. */
function needsNoCode(
  { response_types: responses, redirect_uris: uris }: Members,
  asked: readonly string[],
): boolean {
  if (asked.includes('authorization_code')) return false
  return Array.isArray(responses) || uris === undefined
}

/** Public unless it says otherwise, and without what its method has no use for. */
export function authenticationOf(given: Members, source: MetadataSource, publicUrl: string): Members {
  const { token_endpoint_auth_method: asked = 'none' } = given
  if (!OFFERED_AUTHENTICATION.includes(asked)) {
    throw invalid(`token_endpoint_auth_method must be one of ${CLIENT_AUTHENTICATION.join(', ')}`)
  }
  const isSecret = typeof asked === 'string' && asked.startsWith('client_secret')
  // A document holds no secret: oidc-provider refuses those that say otherwise, so this is only its own default.
  const method = isSecret && source === 'document' ? 'none' : asked
  return {
    token_endpoint_auth_method: method,
    ...(isSecret && method === asked
      ? {}
      : { client_secret: undefined, client_secret_expires_at: undefined }),
    ...(method === 'private_key_jwt'
      ? { jwks_uri: checkJwksUri(given.jwks_uri, publicUrl) }
      : { jwks: undefined, jwks_uri: undefined, token_endpoint_auth_signing_alg: undefined }),
  }
}

function checkJwksUri(uri: unknown, publicUrl: string): unknown {
  const { hostname } = new URL(publicUrl)
  if (uri === undefined || (typeof uri === 'string' && outboundTarget(uri, hostname) !== null)) return uri
  throw invalid('jwks_uri must be an https URL on port 443 of a public host; or send the keys as jwks')
}

/** What is only shown is dropped when it cannot be. */
export function forPeople(given: Members): Members {
  const uris = ['client_uri', 'logo_uri', 'policy_uri', 'tos_uri', 'initiate_login_uri']
  const texts = ['software_id', 'software_version']
  return {
    ...Object.fromEntries(uris.map((member) => [member, webUri(given[member])])),
    ...Object.fromEntries(texts.map((member) => [member, shortText(given[member])])),
    contacts: strings(given.contacts)?.filter(
      (contact) => contact.length <= LONGEST_TEXT && EMAIL.test(contact),
    ),
  }
}

function webUri(value: unknown): string | undefined {
  if (typeof value !== 'string' || value.length > LONGEST_URI) return undefined
  const url = URL.parse(value)
  return url?.protocol === 'https:' && url.username === '' && url.password === '' ? url.href : undefined
}

function shortText(value: unknown): string | undefined {
  return typeof value === 'string' && value.length <= LONGEST_TEXT ? visibleText(value) : undefined
}

/** Of a list, the strings; undefined for what is no list or has none. */
function strings(value: unknown): readonly string[] | undefined {
  if (!Array.isArray(value)) return undefined
  const list = value.filter((member): member is string => typeof member === 'string' && member !== '')
  return list.length === 0 ? undefined : list
}

/** A text that begins with `redirect_uris` becomes invalid_redirect_uri, anything else invalid_client_metadata. */
function invalid(description: string): errors.InvalidClientMetadata {
  return new errors.InvalidClientMetadata(description)
}
