// Owns who we are at an upstream when nobody asks us to: the service, on no person's behalf.

import type { Visitor } from '../mcp/peer.ts'

const NAME = 'gatehouse'

/** Can do nothing that an upstream could ask of a client, and was granted nothing. */
export const SERVICE_VISITOR: Visitor = {
  caller: {
    subject: NAME,
    clientId: NAME,
    grantId: null,
    scopes: new Set(),
    groups: new Set(),
    resource: '',
    consentedAt: null,
    issuedAt: 0,
    expiresAt: 0,
  },
  clientInfo: { name: NAME, version: '1' },
  capabilities: {},
  logLevel: null,
  trace: {},
}
