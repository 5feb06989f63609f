// Owns `gatehouse client create`: makes the client that is meant, and prints what to paste.

import { readFile } from 'node:fs/promises'
import type { WantedClient } from '../authorization-server/operator-client-members.ts'
import { type SavedClient, saveOperatorClient } from '../authorization-server/operator-clients.ts'
import { isLoopbackRedirect } from '../authorization-server/redirect-uris.ts'
import type { Config } from '../config/config.ts'
import { parseClientArguments, wantedOf } from './client-arguments.ts'
import { snippetOf } from './client-snippet.ts'
import { withDatabase } from './database.ts'
import { print, warn } from './output.ts'
import { record } from './record.ts'

/** An operator's client is no registration, which is what a client does itself. */
const EVENTS = { created: 'client.created', updated: 'client.changed' } as const
const OUTCOMES = { created: 'Created', updated: 'Changed', unchanged: 'Nothing to change:' } as const

export async function createClient(args: readonly string[]): Promise<void> {
  const typed = parseClientArguments(args)
  const jwks = typed.jwks === undefined ? null : await readJwks(typed.jwks)
  await withDatabase(async ({ db, config }) => {
    const wanted = wantedOf(typed, jwks, config)
    const saved = await saveOperatorClient(db, wanted, config.publicUrl)
    const { outcome, id, metadata } = saved
    if (outcome !== 'unchanged')
      await record(db, EVENTS[outcome], { clientId: id, name: metadata.client_name })
    for (const line of warningsOf(wanted)) warn(line)
    report(saved, config, typed.json)
  })
}

async function readJwks(file: string): Promise<WantedClient['jwks']> {
  try {
    const value: unknown = JSON.parse(await readFile(file, 'utf8'))
    if (typeof value === 'object' && value !== null) return { ...value }
  } catch (cause) {
    throw new Error(`${file} could not be read as JSON.`, { cause })
  }
  throw new Error(`${file} is no JWKS.`)
}

function warningsOf({ redirectUris, grantTypes, marks }: WantedClient): readonly string[] {
  const lines: string[] = []
  // RFC 8252 §8.6: nothing proves which program on the person's computer asks.
  if (marks.skipConsent && redirectUris.some((uri) => isLoopbackRedirect(uri) || !uri.startsWith('https:')))
    lines.push(
      'Mind: with --skip-consent and a redirect to the person’s own computer, any program there can get a token unnoticed.',
    )
  if (grantTypes.includes('client_credentials') && marks.scopes.size === 0)
    lines.push('Mind: without --scope it may do nothing by itself.')
  return lines
}

function report({ outcome, id, metadata, secret }: SavedClient, config: Config, json?: boolean): void {
  const snippet = snippetOf({ id, metadata, secret }, config)
  const lines = [
    `${OUTCOMES[outcome]} the client "${metadata.client_name}".`,
    '',
    `  client_id      ${id}`,
    ...(secret === null ? [] : [`  client_secret  ${secret}`, '                 (shown once; keep it now)']),
    ...(outcome === 'unchanged' && hasSecret(metadata) ? ['  client_secret  as it was told before'] : []),
    '',
    ...snippet,
  ]
  print(
    { outcome, client_id: id, ...(secret !== null && { client_secret: secret }), ...metadata, snippet },
    json,
    lines,
  )
}

function hasSecret({ token_endpoint_auth_method: method }: SavedClient['metadata']): boolean {
  return String(method).startsWith('client_secret')
}
