// Owns the checks of an identity assertion authorization grant (ID-JAG, draft-ietf-oauth-identity-assertion-authz-grant-04 §4.4.1).

import * as z from 'zod'

export interface AssertionContext {
  /** Of the assertion's JWT header. */
  readonly typ: unknown
  /** Ours. */
  readonly issuer: string
  /** The client that authenticated. */
  readonly clientId: string
  /** Seconds. */
  readonly now: number
}

/** One that is what it says, in the order in which a reader of the draft finds it. */
export type Assertion = z.output<typeof shape>

const CLOCK_LEEWAY_SECONDS = 60
/** Its `jti` is remembered until then; and a grant that lives long is no assertion about this moment. */
const LONGEST_LIFE_SECONDS = 3600

const name = z.string().min(1).max(255)

const shape = z.object({
  iss: z.string(),
  sub: name,
  /** One: what is good at two authorization servers can be replayed from one to the other. */
  aud: single(z.string()),
  client_id: z.string(),
  jti: name,
  exp: z.number(),
  iat: z.number(),
  nbf: z.number().optional(),
  resource: single(z.string()).optional(),
  scope: z.string().optional(),
  email: z.string().optional(),
  email_verified: z.boolean().optional(),
  name: z.string().optional(),
  cnf: z.strictObject({ jkt: z.string() }).optional(),
  // What changes the meaning of the rest, and is not understood here, must not be passed over.
  authorization_details: z.undefined().optional(),
  tenant: z.undefined().optional(),
  act: z.undefined().optional(),
  crit: z.undefined().optional(),
})

/** Each line is what must hold, and what the log says when it does not. */
const CHECKS: readonly (readonly [
  holds: (assertion: Assertion, context: AssertionContext) => boolean,
  fault: string,
])[] = [
  [(_, { typ }) => typ === 'oauth-id-jag+jwt', 'it is not typed as an identity assertion'],
  // RFC 3986 §6.2.3: an origin is the same with a slash, and clients hand it to their identity provider with one.
  [({ aud }, { issuer }) => aud === issuer || aud === `${issuer}/`, 'it is for another authorization server'],
  [({ client_id }, { clientId }) => client_id === clientId, 'it is for another client'],
  [({ exp }, { now }) => exp > now - CLOCK_LEEWAY_SECONDS, 'it has expired'],
  [({ iat }, { now }) => iat < now + CLOCK_LEEWAY_SECONDS, 'it was issued in the future'],
  [({ nbf = 0 }, { now }) => nbf < now + CLOCK_LEEWAY_SECONDS, 'it is not valid yet'],
  [({ exp, iat }) => exp - iat <= LONGEST_LIFE_SECONDS, 'it lives too long'],
]

/** The assertion, or what is wrong with it, for the log. Signature and issuer are known to be good. */
export function readAssertion(claims: unknown, context: AssertionContext): Assertion | string {
  const parsed = shape.safeParse(claims)
  if (!parsed.success) return `it has no good ${parsed.error.issues[0]?.path[0]?.toString() ?? 'form'}`
  const failed = CHECKS.find(([holds]) => !holds(parsed.data, context))
  return failed ? failed[1] : parsed.data
}

/** When its `jti` may be forgotten. */
export function forgettableAt({ exp }: Assertion): number {
  return exp + CLOCK_LEEWAY_SECONDS
}

function single<T extends z.ZodType>(value: T) {
  return z.union([value, z.tuple([value]).transform(([only]) => only)])
}
