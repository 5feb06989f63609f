// Owns the device grant at an upstream's authorization server (RFC 8628): begun on a machine without a browser, approved on another.

import { setTimeout } from 'node:timers/promises'
import * as z from 'zod'
import type { OAuth2Auth } from '../../oauth/upstream-auth.ts'
import { hostOf, type LoginServer } from './discovery.ts'
import { OAuthFailure } from './failure.ts'
import type { ProofKey } from './proofs.ts'
import { DEVICE_GRANT, type LoginClient } from './registration.ts'
import { authentication, type Reach, requestTokens, TokenRefusal } from './token-endpoint.ts'
import { type Granted, toGranted } from './tokens.ts'

export interface StartedDevice {
  readonly server: LoginServer
  readonly client: LoginClient
  /** What its tokens are to be bound to. */
  readonly key: ProofKey | null
  readonly deviceCode: string
  readonly userCode: string
  readonly verificationUri: string
  readonly verificationUriComplete: string | null
  readonly expiresInSeconds: number
  readonly intervalSeconds: number
}

/** RFC 8628 §3.2. */
const DEFAULT_INTERVAL_SECONDS = 5
const SLOW_DOWN_SECONDS = 5
const LONGEST_INTERVAL_SECONDS = 60
/** A person types for minutes, not for days. */
const LONGEST_SECONDS = 30 * 60

/** Somebody is about to open it, and it is shown on a terminal. */
const page = z
  .string()
  .transform((text) => URL.parse(text))
  .refine((url) => url !== null && /^https?:$/.test(url.protocol))
  .transform((url) => url?.href ?? '')

const begun = z.object({
  device_code: z.string().min(1).max(4096),
  user_code: z.string().regex(/^[\x21-\x7e]{1,64}$/),
  verification_uri: page,
  verification_uri_complete: page.optional().catch(undefined),
  expires_in: z.number().positive(),
  interval: z.number().positive().default(DEFAULT_INTERVAL_SECONDS),
})

/** Rejects with an OAuthFailure. */
export async function startDevice(
  server: LoginServer,
  client: LoginClient,
  auth: OAuth2Auth,
  reach: Reach,
  key: ProofKey | null,
): Promise<StartedDevice> {
  const { audience } = auth
  const endpoint = endpointOf(server, auth)
  const asked = {
    ...(server.scope !== null && { scope: server.scope }),
    ...(server.resource !== null && { resource: server.resource }),
    ...(audience !== null && { audience }),
  }
  const { status, body } = await post(endpoint, asked, { server, client }, reach).catch((cause: unknown) => {
    throw new OAuthFailure(`${hostOf(server.url)} cannot be asked for a code.`, cause)
  })
  const answer = begun.safeParse(body)
  if (status !== 200 || !answer.success)
    throw new OAuthFailure(`${hostOf(server.url)} gives Gatehouse no code for a device.`)
  const { data } = answer
  return {
    server,
    client,
    key,
    deviceCode: data.device_code,
    userCode: data.user_code,
    verificationUri: data.verification_uri,
    verificationUriComplete: data.verification_uri_complete ?? null,
    expiresInSeconds: Math.min(data.expires_in, LONGEST_SECONDS),
    intervalSeconds: Math.min(data.interval, LONGEST_INTERVAL_SECONDS),
  }
}

const described = z.object({ device_authorization_endpoint: z.string() })

function endpointOf(server: LoginServer, { deviceEndpoint }: OAuth2Auth): string {
  const endpoint = deviceEndpoint ?? described.safeParse(server.metadata).data?.device_authorization_endpoint
  if (endpoint !== undefined) return endpoint
  throw new OAuthFailure(`${hostOf(server.url)} has no login for devices. Log in with a browser.`)
}

/** Resolves once the person has agreed. Rejects with an OAuthFailure, or when `signal` ends it. */
export async function awaitDevice(
  started: StartedDevice,
  reach: Reach,
  signal: AbortSignal,
): Promise<Granted> {
  const { server, expiresInSeconds, intervalSeconds } = started
  const until = Date.now() + expiresInSeconds * 1000
  let seconds = intervalSeconds
  while (Date.now() + seconds * 1000 < until) {
    await setTimeout(seconds * 1000, undefined, { signal })
    const said = await poll(started, reach)
    if (said.kind === 'granted') return said.granted
    seconds = Math.min(
      said.kind === 'slow_down' ? seconds + SLOW_DOWN_SECONDS : seconds,
      LONGEST_INTERVAL_SECONDS,
    )
  }
  throw new OAuthFailure(`Nobody entered the code at ${hostOf(server.url)} in time.`)
}

type Polled =
  | { readonly kind: 'granted'; readonly granted: Granted }
  | { readonly kind: 'pending' | 'slow_down' }

async function poll({ server, client, key, deviceCode }: StartedDevice, reach: Reach): Promise<Polled> {
  const asked = { grant_type: DEVICE_GRANT, device_code: deviceCode, resource: server.resource }
  try {
    const tokens = await requestTokens(server, client, asked, reach, key)
    return { kind: 'granted', granted: toGranted(tokens, server.scope, key) }
  } catch (error) {
    if (error instanceof OAuthFailure) throw error
    // RFC 8628 §3.5: who cannot be reached is asked less often.
    if (!(error instanceof TokenRefusal) || error.status >= 500) return { kind: 'slow_down' }
    return goesOn(error.code, hostOf(server.url))
  }
}

function goesOn(error: string | null, host: string): Polled {
  switch (error) {
    case 'authorization_pending':
      return { kind: 'pending' }
    case 'slow_down':
      return { kind: 'slow_down' }
    case 'access_denied':
      throw new OAuthFailure(`Access was denied at ${host}.`)
    case 'expired_token':
      throw new OAuthFailure(`Nobody entered the code at ${host} in time.`)
    default:
      throw new OAuthFailure(`${host} did not accept the login.`)
  }
}

async function post(
  endpoint: string,
  asked: Readonly<Record<string, string>>,
  { server, client }: Pick<StartedDevice, 'server' | 'client'>,
  { fetch }: Reach,
): Promise<{ readonly status: number; readonly body: unknown }> {
  const sdk = await import('@modelcontextprotocol/client')
  const { headers, parameters } = await authentication(server, client)
  headers.set('accept', 'application/json')
  const body = new URLSearchParams({ ...asked, ...parameters })
  const answer = await fetch(sdk.assertSecureTokenEndpoint(endpoint), { method: 'POST', headers, body })
  const said: unknown = await answer.json().catch(() => null)
  return { status: answer.status, body: said }
}
