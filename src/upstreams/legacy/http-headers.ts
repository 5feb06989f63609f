// Owns the headers of our own requests to an upstream over HTTP: the protocol's, the operator's, and what we present.

import type { Credential } from '../credentials.ts'

/** Each message says these for itself, whatever an operator configured. */
const OF_THE_MESSAGE: ReadonlySet<string> = new Set([
  'accept',
  'accept-encoding',
  'content-type',
  'content-length',
  'host',
  'connection',
  'transfer-encoding',
  'mcp-protocol-version',
  'mcp-session-id',
  'mcp-method',
  'mcp-name',
  'last-event-id',
])

/** By name, in lower case. Nothing is unpacked on the way, so nothing may be packed. */
export function headersFor(
  configured: Readonly<Record<string, string>>,
  credential: Credential,
  ofTheMessage: Readonly<Record<string, string>>,
): Record<string, string> {
  const headers: Record<string, string> = { 'user-agent': 'gatehouse' }
  for (const [name, value] of Object.entries(configured)) {
    if (!OF_THE_MESSAGE.has(name.toLowerCase())) headers[name.toLowerCase()] = value
  }
  if (credential.kind === 'header') headers[credential.name.toLowerCase()] = credential.value
  return { ...headers, ...ofTheMessage, 'accept-encoding': 'identity' }
}
