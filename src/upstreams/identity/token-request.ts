// Owns asking an upstream's authorization server for a token with a statement of ours: RFC 8693, and RFC 7523 §2.1.

import * as z from 'zod'
import type { GuardedFetch } from '../../http/guarded-fetch.ts'
import { hostOf } from '../oauth/discovery.ts'
import { OAuthFailure } from '../oauth/failure.ts'
import type { Made } from './kept.ts'

export interface TokenClient {
  readonly clientId: string
  readonly clientSecret: string | null
}

const answered = z.object({
  access_token: z.string().regex(/^[\x21-\x7e]{1,16384}$/),
  token_type: z.string(),
  issued_token_type: z.string().optional(),
  expires_in: z.number().positive().optional(),
})
const refused = z.object({ error: z.string().regex(/^[\w-]{1,64}$/) })

/** RFC 6749 §5.1 leaves it open; then it is asked for again after this. */
const UNSAID_LIFE_SECONDS = 300
const LONGEST_LIFE_SECONDS = 24 * 60 * 60

/** Nobody was there, or had time: later it may be different. */
export class TokenOutage extends OAuthFailure {}

/** What was presented is not accepted, or not any more (RFC 6749 §5.2, RFC 8693 §2.2.2). */
export class RefusedGrant extends OAuthFailure {}

const REFUSED_GRANTS: ReadonlySet<string> = new Set(['invalid_grant', 'invalid_request'])

/** `parameters`: those that are null are left out. Rejects with an OAuthFailure that names no secret. */
export async function requestToken(
  endpoint: string,
  client: TokenClient,
  parameters: Readonly<Record<string, string | null>>,
  fetch: GuardedFetch,
): Promise<Made> {
  return toMade(await askForToken(endpoint, client, parameters, fetch), endpoint)
}

/** The same for what is no access token. */
export async function askForToken(
  endpoint: string,
  client: TokenClient,
  parameters: Readonly<Record<string, string | null>>,
  fetch: GuardedFetch,
): Promise<z.output<typeof answered>> {
  const body = new URLSearchParams()
  for (const [name, value] of Object.entries(parameters)) if (value !== null) body.set(name, value)
  if (client.clientSecret === null) body.set('client_id', client.clientId)
  const headers = { accept: 'application/json', ...authenticationOf(client) }
  const answer = await fetch(endpoint, { method: 'POST', headers, body }).catch((cause: unknown) => {
    throw new TokenOutage(`${hostOf(endpoint)} cannot be reached.`, cause)
  })
  const said: unknown = await answer.json().catch(() => null)
  if (!answer.ok) {
    const why = refused.safeParse(said).data?.error ?? `status ${answer.status}`
    const Failure = failureFor(answer.status, why)
    throw new Failure(`${hostOf(endpoint)} gave no token: ${why}.`)
  }
  const { data } = answered.safeParse(said)
  if (data) return data
  throw new OAuthFailure(`${hostOf(endpoint)} gave no token.`)
}

function failureFor(status: number, why: string) {
  if (status >= 500 || status === 429) return TokenOutage
  return REFUSED_GRANTS.has(why) ? RefusedGrant : OAuthFailure
}

function toMade(data: z.output<typeof answered>, endpoint: string): Made {
  if (data.token_type.toLowerCase() !== 'bearer')
    throw new OAuthFailure(`${hostOf(endpoint)} gave a token of a kind that is not known here.`)
  const seconds = Math.min(data.expires_in ?? UNSAID_LIFE_SECONDS, LONGEST_LIFE_SECONDS)
  return {
    credential: { kind: 'header', name: 'authorization', value: `Bearer ${data.access_token}` },
    lifeMs: seconds * 1000,
  }
}

/** RFC 6749 §2.3.1: both halves are form-encoded before they are joined. */
function authenticationOf({ clientId, clientSecret }: TokenClient): Record<string, string> {
  if (clientSecret === null) return {}
  const pair = [clientId, clientSecret].map((half) => new URLSearchParams({ '': half }).toString().slice(1))
  return { authorization: `Basic ${btoa(pair.join(':'))}` }
}
