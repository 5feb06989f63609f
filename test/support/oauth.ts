// Owns an OAuth client in tests, down to the wire: registration, the authorization request, the token requests.

import { createHash, randomBytes } from 'node:crypto'

export interface Registered {
  readonly client_id: string
  readonly client_secret?: string
  readonly [member: string]: unknown
}

export interface Answer {
  readonly status: number
  readonly headers: Headers
  readonly body: Readonly<Record<string, unknown>>
}

export interface AuthorizationRequest {
  readonly url: string
  readonly verifier: string
  readonly state: string
}

export const REDIRECT_URI = 'http://127.0.0.1:33000/callback'

export async function register(origin: string, metadata: object = {}): Promise<Registered> {
  const answer = await postJson(`${origin}/register`, {
    client_name: 'Test client',
    redirect_uris: [REDIRECT_URI],
    grant_types: ['authorization_code', 'refresh_token'],
    response_types: ['code'],
    token_endpoint_auth_method: 'none',
    ...metadata,
  })
  const { client_id } = answer.body
  if (answer.status !== 201 || typeof client_id !== 'string')
    throw new Error(`registration: ${JSON.stringify(answer.body)}`)
  return { ...answer.body, client_id }
}

export function authorizationRequest(
  origin: string,
  clientId: string,
  parameters: Readonly<Record<string, string | undefined>> = {},
): AuthorizationRequest {
  const verifier = randomBytes(32).toString('base64url')
  const state = randomBytes(8).toString('base64url')
  const all = {
    client_id: clientId,
    redirect_uri: REDIRECT_URI,
    response_type: 'code',
    resource: `${origin}/mcp`,
    state,
    code_challenge: createHash('sha256').update(verifier).digest('base64url'),
    code_challenge_method: 'S256',
    ...parameters,
  }
  const query = new URLSearchParams()
  for (const [name, value] of Object.entries(all)) if (value !== undefined) query.set(name, value)
  return { url: `${origin}/authorize?${query}`, verifier, state }
}

export async function postForm(
  url: string,
  fields: Readonly<Record<string, string | undefined>>,
  headers: Readonly<Record<string, string>> = {},
): Promise<Answer> {
  const body = new URLSearchParams()
  for (const [name, value] of Object.entries(fields)) if (value !== undefined) body.set(name, value)
  return answerOf(await fetch(url, { method: 'POST', body, headers }))
}

export async function postJson(
  url: string,
  value: unknown,
  headers: Readonly<Record<string, string>> = {},
): Promise<Answer> {
  const init = {
    method: 'POST',
    body: JSON.stringify(value),
    headers: { 'content-type': 'application/json', ...headers },
  }
  return answerOf(await fetch(url, init))
}

export async function getJson(url: string): Promise<Answer> {
  return answerOf(await fetch(url))
}

async function answerOf(response: Response): Promise<Answer> {
  const text = await response.text()
  const body = text.startsWith('{') ? JSON.parse(text) : {}
  return { status: response.status, headers: response.headers, body }
}

/** The claims of a JWT, unverified: what the test wants to look at. */
export function claimsOf(token: unknown): Record<string, unknown> {
  return JSON.parse(Buffer.from(String(token).split('.')[1] ?? '', 'base64url').toString())
}
