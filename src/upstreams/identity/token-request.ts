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
  expires_in: z.number().positive().optional(),
})
const refused = z.object({ error: z.string().regex(/^[\w-]{1,64}$/) })

/** RFC 6749 §5.1 leaves it open; then it is asked for again after this. */
const UNSAID_LIFE_SECONDS = 300
const LONGEST_LIFE_SECONDS = 24 * 60 * 60

/** Nobody was there, or had time: later it may be different. */
export class TokenOutage extends OAuthFailure {}

/** `parameters`: those that are null are left out. Rejects with an OAuthFailure that names no secret. */
export async function requestToken(
  endpoint: string,
  client: TokenClient,
  parameters: Readonly<Record<string, string | null>>,
  fetch: GuardedFetch,
): Promise<Made> {
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
    const Failure = answer.status >= 500 || answer.status === 429 ? TokenOutage : OAuthFailure
    throw new Failure(`${hostOf(endpoint)} gave no token: ${why}.`)
  }
  return toMade(said, endpoint)
}

function toMade(said: unknown, endpoint: string): Made {
  const { data } = answered.safeParse(said)
  if (data?.token_type.toLowerCase() !== 'bearer')
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
