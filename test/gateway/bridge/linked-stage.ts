// Owns the stage of the tests with the links that the service itself has: upstreams are asked what they speak.

import type { GatewayNeeds } from '../../../src/gateway/gateway.ts'
import { createLocalMailbox } from '../../../src/mcp/mailbox.ts'
import type { EraTimes } from '../../../src/upstreams/known-eras.ts'
import type { Links } from '../../../src/upstreams/links.ts'
import { openLinks } from '../../support/links.ts'
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
  const mailbox = createLocalMailbox()
  const links = openLinks(t, { mailbox, times })
  return { ...(await setStage(t, [{ url }], { links, mailbox, ...needs })), links }
}
