// Owns requests to a token endpoint: who we are there, what the tokens are to be bound to, and what it answers.

import * as z from 'zod'
import type { GuardedFetch } from '../../http/guarded-fetch.ts'
import { ASSERTION_TYPE, clientAssertion } from './client-assertion.ts'
import type { LoginServer } from './discovery.ts'
import type { ProofKey, Proofs } from './proofs.ts'
import type { LoginClient } from './registration.ts'

/** How the servers of others are reached. */
export interface Reach {
  readonly fetch: GuardedFetch
  readonly proofs: Proofs
}

export type Parameters = Readonly<Record<string, string | null>>

const answered = z.object({
  access_token: z.string(),
  token_type: z.string(),
  expires_in: z.coerce.number().optional(),
  scope: z.string().optional(),
  refresh_token: z.string().optional(),
})
const refused = z.object({ error: z.string() })

export type Tokens = z.output<typeof answered>

/** RFC 6749 §5.2. `code` is null where the answer is none of OAuth. Of what else was said nothing is kept. */
export class TokenRefusal extends Error {
  readonly code: string | null
  readonly status: number

  constructor(code: string | null, status: number) {
    super('The token endpoint refused.')
    this.name = 'OAuthError'
    this.code = code
    this.status = status
  }
}

/**
 * `parameters`: those that are null are left out. With a key, tokens are asked for that are bound to it (RFC 9449 §5), once
 * more with the nonce that the server wants. Rejects with a TokenRefusal, or with a TypeError when there is no answer.
 */
export async function requestTokens(
  server: LoginServer,
  client: LoginClient,
  parameters: Parameters,
  { fetch, proofs }: Reach,
  key: ProofKey | null = null,
): Promise<Tokens> {
  const sdk = await import('@modelcontextprotocol/client')
  const url = endpointOf(server)
  sdk.assertSecureTokenEndpoint(url)
  const prover = key === null ? null : proofs.prover(key, url, null)

  async function ask(): Promise<Tokens> {
    // Anew for each request: an assertion is good once.
    const { headers, parameters: ours } = await authentication(server, client)
    headers.set('accept', 'application/json')
    if (prover) headers.set('dpop', prover.prove('POST', url))
    const body = new URLSearchParams({ ...given(parameters), ...ours })
    const answer = await fetch(url, { method: 'POST', headers, body })
    prover?.heard(answer.headers.get('dpop-nonce'))
    return tokensIn(answer.status, await answer.json().catch(() => null))
  }

  return ask().catch((error: unknown) => {
    // RFC 9449 §8: it says which one to name, and has done nothing yet.
    if (prover && error instanceof TokenRefusal && error.code === 'use_dpop_nonce') return ask()
    throw error
  })
}

function endpointOf({ metadata, url }: LoginServer): string {
  return metadata?.token_endpoint ?? new URL('/token', url).href
}

/** Some say what is wrong with a status of 200. */
function tokensIn(status: number, said: unknown): Tokens {
  const { data } = status >= 200 && status < 300 ? answered.safeParse(said) : {}
  if (data) return data
  throw new TokenRefusal(refused.safeParse(said).data?.error ?? null, status)
}

function given(parameters: Parameters): Record<string, string> {
  return Object.fromEntries(
    Object.entries(parameters).flatMap(([name, value]) => (value === null ? [] : [[name, value]])),
  )
}

/** How we present ourselves (RFC 6749 §2.3). */
export async function authentication(
  server: LoginServer,
  client: LoginClient,
): Promise<{ readonly headers: Headers; readonly parameters: Readonly<Record<string, string>> }> {
  const sdk = await import('@modelcontextprotocol/client')
  const { clientId: client_id, clientSecret: client_secret, key } = client
  const headers = new Headers()
  if (key !== null) {
    const assertion = await clientAssertion(client_id, key, server.issuer ?? endpointOf(server))
    return {
      headers,
      parameters: { client_id, client_assertion_type: ASSERTION_TYPE, client_assertion: assertion },
    }
  }
  const supported = server.metadata?.token_endpoint_auth_methods_supported ?? []
  const method = sdk.selectClientAuthMethod(clientInformation(client), supported)
  if (client_secret === null || method === 'none') return { headers, parameters: { client_id } }
  if (method === 'client_secret_post') return { headers, parameters: { client_id, client_secret } }
  headers.set('authorization', `Basic ${basic(client_id, client_secret)}`)
  return { headers, parameters: {} }
}

/** RFC 6749 §2.3.1: both halves are form-encoded before they are joined. */
function basic(...halves: readonly string[]): string {
  return btoa(halves.map((half) => new URLSearchParams({ '': half }).toString().slice(1)).join(':'))
}

export function clientInformation({ clientId, clientSecret, authMethod }: LoginClient) {
  return {
    client_id: clientId,
    ...(clientSecret !== null && { client_secret: clientSecret }),
    ...(authMethod !== null && { token_endpoint_auth_method: authMethod }),
  }
}
