// Owns what is kept of a connection, sealed: what to present, and where and as whom to renew it.

import type { AuthorizationServerMetadata } from '@modelcontextprotocol/client'
import * as z from 'zod'
import type { LoginServer } from '../oauth/discovery.ts'
import { type ProofKey, proofKey } from '../oauth/proofs.ts'
import type { LoginClient } from '../oauth/registration.ts'
import type { Granted } from '../oauth/tokens.ts'

/** Of a login by OAuth. */
export interface LoginSecret {
  readonly kind: 'login'
  readonly accessToken: string
  readonly refreshToken: string | null
  readonly server: LoginServer
  readonly client: LoginClient
  /** What tokens are asked to be bound to; null: to nothing. */
  readonly key: ProofKey | null
  /** The access token is. */
  readonly isBound: boolean
}

/** A key that a person pasted. */
export interface PastedSecret {
  readonly kind: 'pasted'
  readonly key: string
}

export type Secret = LoginSecret | PastedSecret

/** It was validated when it was received, and nobody could change it since: it is sealed. */
const metadata = z.custom<AuthorizationServerMetadata>(
  (value) => typeof value === 'object' && value !== null && 'token_endpoint' in value,
)

export const loginServer = z.object({
  issuer: z.string().nullable(),
  url: z.string(),
  metadata: metadata.nullable(),
  resource: z.string().nullable(),
  scope: z.string().nullable(),
  takesProofs: z.boolean().default(false),
})

export const loginClient = z.object({
  clientId: z.string(),
  clientSecret: z.string().nullable(),
  key: z
    .object({ pem: z.string(), id: z.string().nullable(), algorithm: z.string() })
    .nullable()
    .default(null),
  authMethod: z.string().nullable(),
  registrationId: z.string().nullable(),
})

const secret: z.ZodType<Secret> = z.discriminatedUnion('kind', [
  z.object({
    kind: z.literal('login'),
    accessToken: z.string(),
    refreshToken: z.string().nullable(),
    server: loginServer,
    client: loginClient,
    key: proofKey.nullable().default(null),
    isBound: z.boolean().default(false),
  }),
  z.object({ kind: z.literal('pasted'), key: z.string() }),
])

export function writeSecret(value: Secret): string {
  return JSON.stringify(value)
}

export function loginSecret(
  { accessToken, refreshToken, isBound }: Granted,
  server: LoginServer,
  client: LoginClient,
  key: ProofKey | null,
): string {
  return writeSecret({ kind: 'login', accessToken, refreshToken, server, client, key, isBound })
}

/** Null for what another version wrote and this one does not understand: the person logs in again. */
export function readSecret(text: string | null): Secret | null {
  if (text === null) return null
  return secret.safeParse(JSON.parse(text)).data ?? null
}

/** What a login has become by being granted something new. Without a new refresh token the old one goes on. */
export function renewedSecret(
  old: LoginSecret,
  { accessToken, refreshToken, isBound }: Granted,
): LoginSecret {
  return { ...old, accessToken, isBound, refreshToken: refreshToken ?? old.refreshToken }
}
