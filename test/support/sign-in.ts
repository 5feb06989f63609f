// Owns the way of a person through login and consent, up to the client's callback.

import type { Browser, Page } from './browser.ts'
import { PASSWORD } from './gatehouse.ts'
import {
  type Answer,
  type AuthorizationRequest,
  authorizationRequest,
  postForm,
  REDIRECT_URI,
  type Registered,
  register,
} from './oauth.ts'

/** Opens the authorization request and signs in when asked. Returns the page after it: consent, or the callback. */
export async function signIn(browser: Browser, url: string, email: string): Promise<Page> {
  const page = await browser.open(url)
  if (!page.url.includes('/login/')) return page
  return browser.submit(page, { email, password: PASSWORD })
}

/** The parameters that the client receives at its callback. */
export function callbackOf(page: Page): URLSearchParams {
  return new URL(page.url).searchParams
}

export async function authorize(
  browser: Browser,
  request: AuthorizationRequest,
  email: string,
  fields: Record<string, string | string[]> = {},
): Promise<URLSearchParams> {
  const page = await signIn(browser, request.url, email)
  const end = page.url.includes('/consent/') ? await browser.submit(page, fields, 'allow') : page
  return callbackOf(end)
}

export interface Connected {
  readonly client: Registered
  readonly tokens: Answer
  readonly accessToken: string
  readonly refreshToken: string
}

export interface ConnectOptions {
  readonly client?: Registered
  readonly metadata?: object
  readonly parameters?: Readonly<Record<string, string | undefined>>
}

/** A client registers, the person signs in and agrees, and the client redeems its code. */
export async function connect(
  origin: string,
  browser: Browser,
  email: string,
  options: ConnectOptions = {},
): Promise<Connected> {
  const client = options.client ?? (await register(origin, options.metadata))
  const request = authorizationRequest(origin, client.client_id, options.parameters)
  const callback = await authorize(browser, request, email)
  const code = callback.get('code')
  if (code === null) throw new Error(`no code: ${callback}`)
  const tokens = await redeem(origin, { client, code, verifier: request.verifier })
  return {
    client,
    tokens,
    accessToken: String(tokens.body.access_token),
    refreshToken: String(tokens.body.refresh_token),
  }
}

export interface Redemption {
  readonly client: Registered
  readonly code: string
  readonly verifier: string
}

export function redeem(
  origin: string,
  { client, code, verifier }: Redemption,
  fields: Readonly<Record<string, string | undefined>> = {},
): Promise<Answer> {
  return postForm(`${origin}/token`, {
    grant_type: 'authorization_code',
    client_id: client.client_id,
    code,
    code_verifier: verifier,
    redirect_uri: REDIRECT_URI,
    ...fields,
  })
}

export function refresh(
  origin: string,
  clientId: string,
  refreshToken: string,
  fields: Readonly<Record<string, string>> = {},
): Promise<Answer> {
  return postForm(`${origin}/token`, {
    grant_type: 'refresh_token',
    client_id: clientId,
    refresh_token: refreshToken,
    ...fields,
  })
}
