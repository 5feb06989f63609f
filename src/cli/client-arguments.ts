// Owns what may be typed after `gatehouse client create`, and what client is meant by it.

import { parseArgs } from 'node:util'
import { CLIENT_AUTHENTICATION } from '../authorization-server/client-metadata-members.ts'
import { JWT_BEARER } from '../authorization-server/grants/names.ts'
import {
  type ClientAuthentication,
  GRANT_TYPES,
  type WantedClient,
} from '../authorization-server/operator-client-members.ts'
import type { Config } from '../config/config.ts'
import { canonicalResource } from '../oauth/resource.ts'
import { required, scopesOf } from './arguments.ts'

const OPTIONS = {
  name: { type: 'string' },
  id: { type: 'string' },
  redirect: { type: 'string', multiple: true },
  grant: { type: 'string', multiple: true },
  scope: { type: 'string', multiple: true },
  auth: { type: 'string' },
  /** A file. */
  jwks: { type: 'string' },
  'resource-server': { type: 'boolean' },
  resource: { type: 'string', multiple: true },
  'skip-consent': { type: 'boolean' },
  json: { type: 'boolean' },
} as const

export type Typed = ReturnType<typeof parseClientArguments>

export function parseClientArguments(args: readonly string[]) {
  return parseArgs({ args: [...args], options: OPTIONS }).values
}

/** `jwks`: what is in the file. */
export function wantedOf(typed: Typed, jwks: WantedClient['jwks'], config: Config): WantedClient {
  return {
    name: required(typed.name, '--name'),
    id: typed.id ?? null,
    redirectUris: typed.redirect ?? [],
    grantTypes: (typed.grant ?? []).map((text) => grantTypeOf(text, config)),
    authentication: typed.auth === undefined ? null : authenticationOf(typed.auth),
    jwks,
    marks: {
      skipConsent: typed['skip-consent'] === true,
      scopes: scopesOf(typed.scope ?? [], config),
      introspects: introspectsOf(typed),
    },
  }
}

function grantTypeOf(text: string, { trustedIssuers }: Config): string {
  const known = GRANT_TYPES.get(text) ?? [...GRANT_TYPES.values()].find((grantType) => grantType === text)
  if (known === JWT_BEARER && trustedIssuers.length === 0)
    throw new Error(
      'jwt_bearer needs an identity provider whose assertions are trusted: see TRUSTED_ISSUER_<NAME>_ISSUER.',
    )
  if (known) return known
  throw new Error(`There is no grant ${text}. The grants are: ${[...GRANT_TYPES.keys()].join(', ')}.`)
}

function authenticationOf(text: string): ClientAuthentication {
  const known = CLIENT_AUTHENTICATION.find((method) => method === text)
  if (known) return known
  throw new Error(`--auth is one of ${CLIENT_AUTHENTICATION.join(', ')}.`)
}

function introspectsOf({
  'resource-server': isResourceServer,
  resource = [],
}: Typed): ReadonlySet<string> | null {
  if (!isResourceServer && resource.length > 0) throw new Error('--resource goes with --resource-server.')
  if (!isResourceServer) return new Set()
  if (resource.length === 0) return null
  return new Set(
    resource.map((each) => {
      const canonical = canonicalResource(each)
      if (canonical === null) throw new Error(`--resource is the URL of a resource, not "${each}".`)
      return canonical
    }),
  )
}
