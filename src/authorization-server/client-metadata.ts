// Owns what becomes of the metadata that a client says about itself (RFC 7591 §2): lenient where it is sloppy, strict where it is dangerous.

import { type AllClientMetadata, type ClientMetadata, type Configuration, errors } from 'oidc-provider'
import { parseScope } from '../oauth/scope.ts'
import { CLIENT_MARKS, markMembers, NO_MARKS, withoutMarks } from './client-marks.ts'
import {
  applicationType,
  authenticationOf,
  checkRedirectUris,
  forPeople,
  grantsOf,
  type Members,
  type MetadataSource,
  nameOf,
  USUAL_GRANTS,
  withoutEmpty,
} from './client-metadata-members.ts'
import { CLIENT_CREDENTIALS } from './grants/names.ts'

type IdTokenAlgorithm = NonNullable<AllClientMetadata['id_token_signed_response_alg']>

export interface ClientMetadataRules {
  /** PUBLIC_URL. */
  readonly publicUrl: string
  /** What a stranger may have of the server's grant types: those that end at a person's consent. */
  readonly grantTypes: readonly string[]
  /** Beside them, to who registers with a token that the operator gave out for it; none otherwise. */
  readonly vouchedGrantTypes?: readonly string[]
  /** Beside them, to a metadata document: those in which somebody who is trusted names it by its address. */
  readonly documentGrantTypes?: readonly string[]
  /** What ID tokens are signed with, unless a client asks for another one that our keys can. */
  readonly idTokenAlgorithm: IdTokenAlgorithm
  /** All that our keys can; what a client wishes beside them does not matter. */
  readonly idTokenAlgorithms?: readonly IdTokenAlgorithm[]
  /** Private-use schemes to accept beside reverse-domain ones; KNOWN_SCHEMES when absent. */
  readonly redirectSchemes?: readonly string[]
  /** The only hosts and schemes that codes may go to, see isAllowedRedirect; any when absent. */
  readonly redirectHosts?: readonly string[]
}

/** Members that are kept beside the standard ones; the first is also what the hook below waits for. */
const EXTRA_MEMBERS = ['software_id', 'software_version', 'software_statement'] as const

/** What a client is that does not say: a public one. */
export function clientDefaults({ idTokenAlgorithm }: ClientMetadataRules): AllClientMetadata {
  return {
    token_endpoint_auth_method: 'none',
    grant_types: [...USUAL_GRANTS],
    id_token_signed_response_alg: idTokenAlgorithm,
  }
}

/** oidc-provider's hook: called before its own validation, for everything that becomes a client. */
export function extraClientMetadata(
  rules: ClientMetadataRules,
): NonNullable<Configuration['extraClientMetadata']> {
  return {
    properties: [...EXTRA_MEMBERS, ...CLIENT_MARKS],
    validator(ctx, key, _value, metadata) {
      const source = sourceOf(metadata, ctx !== undefined)
      if (key !== EXTRA_MEMBERS[0] || source === null) return
      const effective = normaliseClientMetadata(metadata, source, rules)
      for (const member of Object.keys(metadata)) delete metadata[member]
      Object.assign(metadata, effective)
    },
  }
}

/** Null for what is loaded from storage: it was checked when it came in, or is the operator's word. */
function sourceOf({ client_id }: ClientMetadata, isRegistration: boolean): MetadataSource | null {
  if (isRegistration) return 'registration'
  return client_id.startsWith('https://') ? 'document' : null
}

/**
 * The effective registration, which is also what the client is told (RFC 7591 §3.2.1). Members that are absent, empty
 * or of no use here are absent from it. Throws for what must not be registered, saying what to do instead. Normalising
 * twice changes nothing.
 */
export function normaliseClientMetadata(
  metadata: Members,
  source: MetadataSource,
  rules: ClientMetadataRules,
): Members {
  const given = withoutMarks(withoutEmpty(metadata))
  if (given.software_statement !== undefined) {
    throw new errors.UnapprovedSoftwareStatement(
      'no software statement is approved here; register without one',
    )
  }
  const redirectUris = checkRedirectUris(given.redirect_uris, 'redirect_uris', rules)
  return withoutEmpty({
    ...given,
    client_name: nameOf(given.client_name, redirectUris, source),
    redirect_uris: redirectUris,
    post_logout_redirect_uris: checkRedirectUris(
      given.post_logout_redirect_uris,
      'post_logout_redirect_uris',
      rules,
    ),
    application_type: applicationType(given.application_type, redirectUris),
    ...grantsOf(given, offeredTo(source, rules)),
    ...authenticationOf(given, source, rules.publicUrl),
    ...forPeople(given),
    id_token_signed_response_alg: idTokenAlgorithmOf(given, rules),
    // A client asks for the scopes of the moment; registering them would only hold it back at the next step-up.
    scope: undefined,
    // Pairwise subjects are not offered, and the server would have to fetch this.
    sector_identifier_uri: undefined,
    subject_type: undefined,
    response_modes: undefined,
    default_acr_values: undefined,
    ...machineScope(given, source, rules),
  })
}

function offeredTo(
  source: MetadataSource,
  { grantTypes, vouchedGrantTypes = [], documentGrantTypes = [] }: ClientMetadataRules,
): readonly string[] {
  return [...grantTypes, ...(source === 'registration' ? vouchedGrantTypes : documentGrantTypes)]
}

/** For a client that asks no person, its registration is where it is said what it may have. */
function machineScope(
  given: Members,
  source: MetadataSource,
  { vouchedGrantTypes = [] }: ClientMetadataRules,
): Members {
  if (source !== 'registration' || !vouchedGrantTypes.includes(CLIENT_CREDENTIALS)) return {}
  const { grant_types: grants, scope } = given
  if (!Array.isArray(grants) || !grants.includes(CLIENT_CREDENTIALS) || typeof scope !== 'string') return {}
  return markMembers({ ...NO_MARKS, scopes: parseScope(scope) })
}

function idTokenAlgorithmOf(
  { id_token_signed_response_alg: asked }: Members,
  { idTokenAlgorithm, idTokenAlgorithms = [] }: ClientMetadataRules,
): IdTokenAlgorithm {
  return idTokenAlgorithms.find((each) => each === asked) ?? idTokenAlgorithm
}
