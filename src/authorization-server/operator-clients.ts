// Owns the clients that an operator adds: made the same way however often that is asked for.

import { randomBytes } from 'node:crypto'
import * as clients from '../storage/clients.ts'
import type { Database } from '../storage/database.ts'
import { hashToken } from '../storage/hash.ts'
import { canonical } from './client-fingerprint.ts'
import type { Members } from './client-metadata-members.ts'
import { membersOf, type WantedClient } from './operator-client-members.ts'
import { newClientId } from './registrations.ts'

export interface SavedClient {
  readonly outcome: 'created' | 'updated' | 'unchanged'
  readonly id: string
  /** As stored, so without the secret. */
  readonly metadata: Members
  /** When there is a new one. It cannot be told a second time. */
  readonly secret: string | null
}

/**
 * Creates the client, or makes the one with that identifier (or, without one, that name) what is wanted. Asked for the same
 * again it changes nothing. A secret that is still needed stays. Throws for what must not be, in words for the operator.
 */
export async function saveOperatorClient(
  db: Database,
  wanted: WantedClient,
  publicUrl: string,
): Promise<SavedClient> {
  const members = membersOf(wanted, publicUrl)
  const existing = await findExisting(db, wanted.id, String(members.client_name))
  const id = existing?.id ?? wanted.id ?? newClientId()
  const needsSecret = String(members.token_endpoint_auth_method).startsWith('client_secret')
  const kept = needsSecret ? existing?.metadata.client_secret : undefined
  if (existing && canonical(describe(existing.metadata)) === canonical(members))
    return { outcome: 'unchanged', id, metadata: describe(existing.metadata), secret: null }

  const secret = needsSecret && kept === undefined ? randomBytes(32).toString('base64url') : null
  const stored = secret === null ? kept : hashToken(secret)
  const metadata = {
    ...members,
    client_id: id,
    client_id_issued_at: Math.floor((existing?.createdAt.getTime() ?? Date.now()) / 1000),
    ...(stored !== undefined && { client_secret: stored, client_secret_expires_at: 0 }),
  }
  await clients.save(db, { id, metadata, expiresInSeconds: null, madeBy: 'operator' })
  return { outcome: existing ? 'updated' : 'created', id, metadata: members, secret }
}

/** What the operator said about it: without its identifier, and without its secret. */
export function describe(metadata: Members): Members {
  const {
    client_id: _id,
    client_id_issued_at: _issued,
    client_secret: _secret,
    client_secret_expires_at: _expires,
    ...said
  } = metadata
  return said
}

async function findExisting(
  db: Database,
  id: string | null,
  name: string,
): Promise<clients.StoredClient | null> {
  if (id === null) {
    const named = (await clients.listOperated(db)).filter(({ metadata }) => metadata.client_name === name)
    if (named.length > 1) throw new Error(`Several clients are called "${name}". Say which with --id.`)
    return named[0] ?? null
  }
  const found = await clients.find(db, id)
  if (found?.madeBy === 'registration')
    throw new Error(`The client ${id} registered itself. Choose another ID.`)
  return found
}
