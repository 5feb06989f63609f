// Owns the stage of the tests with the links that the service itself has: upstreams are asked what they speak.

import { randomBytes } from 'node:crypto'
import type { GatewayNeeds } from '../../../src/gateway/gateway.ts'
import { createLocalMailbox } from '../../../src/mcp/mailbox.ts'
import { createKeyring } from '../../../src/storage/sealing.ts'
import { staticCredentials } from '../../../src/upstreams/credentials.ts'
import type { EraTimes } from '../../../src/upstreams/known-eras.ts'
import { createLinks, type Links } from '../../../src/upstreams/links.ts'
import { type Stage, setStage, type Teardown } from '../stage.ts'

export interface LinkedStage extends Stage {
  readonly links: Links
}

/** A gateway in front of this upstream, whatever that speaks. */
export async function setLinkedStage(
  t: Teardown,
  url: string,
  times: Partial<EraTimes> = {},
  needs: Partial<GatewayNeeds> = {},
): Promise<LinkedStage> {
  const keyring = createKeyring([randomBytes(32).toString('base64url')])
  const mailbox = createLocalMailbox()
  const links = createLinks({
    credentialFor: staticCredentials,
    sealer: {
      seal: (text, aad) => keyring.seal('request-state', text, aad),
      open: (sealed, aad) => keyring.open('request-state', sealed, aad)?.toString() ?? null,
    },
    mailbox,
    has: () => true,
    programLog: { wrote: () => undefined, died: () => undefined },
    times,
  })
  const stage = await setStage(t, [{ url }], { links, mailbox, ...needs })
  t.teardown(() => links.close())
  return { ...stage, links }
}
