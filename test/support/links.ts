// Owns the links of tests: those of the service, without other replicas, programs that write nowhere, and sealing of their own.

import { randomBytes } from 'node:crypto'
import { createLocalMailbox } from '../../src/mcp/mailbox.ts'
import { createKeyring } from '../../src/storage/sealing.ts'
import { staticCredentials } from '../../src/upstreams/credentials.ts'
import { createLinks, type LinksNeeds, type OpenLinks } from '../../src/upstreams/links.ts'

export interface Teardown {
  teardown(close: () => unknown): unknown
}

export function openLinks(t: Teardown, needs: Partial<LinksNeeds> = {}): OpenLinks {
  const keyring = createKeyring([randomBytes(32).toString('base64url')])
  const links = createLinks({
    credentialFor: staticCredentials,
    sealer: {
      seal: (text, aad) => keyring.seal('request-state', text, aad),
      open: (sealed, aad) => keyring.open('request-state', sealed, aad)?.toString() ?? null,
    },
    mailbox: createLocalMailbox(),
    has: () => true,
    failureLog: () => undefined,
    apiProblem: () => undefined,
    programLog: { wrote: () => undefined, died: () => undefined },
    ...needs,
  })
  t.teardown(() => links.close())
  return links
}
