// Owns the words for what an upstream wants to be shown beside its static headers, and for how a connection to it stands.

/** As configured: `"auth"` of an upstream. */
export type UpstreamAuth = OAuth2Auth | ApiKeyAuth | IdentityAuth | ExchangeAuth | AssertionAuth

/** Whether each person is somebody else there: then what one of them is shown is nobody else's, whatever the upstream says. */
export function isPersonal(auth: UpstreamAuth | null): boolean {
  return auth !== null && !(auth.type === 'oauth2' && auth.shared)
}

/** A private key that we are known by at an authorization server (RFC 7523 §2.2). */
export interface ClientKey {
  readonly pem: string
  /** As the server calls it, `kid`; null: it has one alone. */
  readonly id: string | null
  /** JWS. */
  readonly algorithm: string
}

/** What a platform says of the workload that we are: as configured, or a file that it writes anew from time to time. */
export type WorkloadAssertion =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'file'; readonly path: string }

/** Where we are an OAuth client of the upstream's authorization server. What is null is discovered (MCP, "Authorization"). */
export interface OAuth2Auth {
  readonly type: 'oauth2'
  /**
   * `authorization_code`: a person logs in. The others need nobody: we log in as ourselves (RFC 6749 §4.4), or as the workload
   * that our platform says we are (RFC 7523 §2.1).
   */
  readonly grant: 'authorization_code' | 'client_credentials' | 'jwt-bearer'
  /** One connection for everybody, made by an operator or by nobody; else one for each person. */
  readonly shared: boolean
  readonly clientId: string | null
  readonly clientSecret: string | null
  /** Instead of a secret. */
  readonly clientKey: ClientKey | null
  /** For `jwt-bearer`. */
  readonly assertion: WorkloadAssertion | null
  /** Whether tokens are bound to a key of ours (RFC 9449); null: where the server and the upstream offer it. */
  readonly dpop: boolean | null
  /** Of the authorization server; it needs no discovery beyond its own metadata then. */
  readonly issuer: string | null
  /** For servers without metadata. */
  readonly authorizationEndpoint: string | null
  readonly tokenEndpoint: string | null
  readonly deviceEndpoint: string | null
  readonly revocationEndpoint: string | null
  /** Null: those that the upstream itself asks for. */
  readonly scopes: readonly string[] | null
  /** Sent as `audience`, for servers that know no resource indicators. */
  readonly audience: string | null
  /** Whether `resource` is sent (RFC 8707); some servers refuse it. */
  readonly sendsResource: boolean
  /** A fixed callback, when the one of this installation cannot be registered there. */
  readonly redirectUri: string | null
}

/** A key that each person pastes once. */
export interface ApiKeyAuth {
  readonly type: 'api-key'
  /** In lower case. */
  readonly header: string
  /** `Bearer `, or nothing. */
  readonly prefix: string
  /** For people: where to get such a key. */
  readonly hint: string | null
}

/** A short-lived JWT about the person, signed by us (keys at `/jwks`). */
export interface IdentityAuth {
  readonly type: 'identity'
  readonly header: string
  readonly prefix: string
  /** Null: the upstream's URL. */
  readonly audience: string | null
  readonly ttlSeconds: number
}

/** RFC 8693: a token about the person, exchanged at the upstream's authorization server. */
export interface ExchangeAuth {
  readonly type: 'token-exchange'
  readonly tokenEndpoint: string
  readonly clientId: string
  readonly clientSecret: string | null
  readonly audience: string | null
  readonly resource: string | null
  readonly scopes: readonly string[] | null
}

/** Another identity provider than we are, at which an ID token of the person's is exchanged for an assertion. */
export interface IdentityProvider {
  readonly tokenEndpoint: string
  readonly clientId: string
  readonly clientSecret: string | null
}

/** An identity assertion (ID-JAG) towards the upstream's authorization server, which trusts us, or another identity provider. */
export interface AssertionAuth {
  readonly type: 'id-jag'
  readonly issuer: string
  /** Null: we are it. */
  readonly identityProvider: IdentityProvider | null
  /** For people: where to get an ID token of that provider. */
  readonly hint: string | null
  readonly tokenEndpoint: string | null
  readonly clientId: string
  readonly clientSecret: string | null
  readonly scopes: readonly string[] | null
}

/** Whether what is presented says which person is there. */
export function tellsPeopleApart(auth: UpstreamAuth | null): boolean {
  if (auth === null) return false
  return auth.type !== 'oauth2' || (auth.grant === 'authorization_code' && !auth.shared)
}

/** How a person's connection to an upstream stands. */
export type ConnectionState =
  | { readonly kind: 'connected' }
  /** Nobody logged in yet, or logged out. */
  | { readonly kind: 'needs_login' }
  /** It was good once; the upstream does not accept it any more. */
  | { readonly kind: 'expired'; readonly why: string | null }
  /** It cannot be used or made at the moment. `why` is for people and names no secret. */
  | { readonly kind: 'error'; readonly why: string }
