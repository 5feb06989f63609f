// Owns what is kept of a login while the browser is away, sealed.

import * as z from 'zod'
import type { PendingLogin } from '../oauth/login.ts'
import { proofKey } from '../oauth/proofs.ts'
import { loginClient, loginServer } from './secret.ts'

/** With what the connection will be bound to. */
export type KeptLogin = PendingLogin & { readonly boundTo: string }

const kept: z.ZodType<KeptLogin> = z.object({
  server: loginServer,
  client: loginClient,
  redirectUri: z.string(),
  verifier: z.string(),
  key: proofKey.nullable().default(null),
  boundTo: z.string(),
})

export function writePending(login: KeptLogin): string {
  return JSON.stringify(login)
}

/** Null for what another version wrote. */
export function readPending(text: string): KeptLogin | null {
  return kept.safeParse(JSON.parse(text)).data ?? null
}
