// Owns how an interaction becomes the consent page's data.

import type {
  InteractionClient,
  PendingInteraction,
  RequestedAccess,
} from '../authorization-server/interactions.ts'
import type { ConsentView } from '../http/interaction-view-data.ts'
import { choiceGroups, identityLines, type KnownTools } from './choices.ts'

export type ConsentInteraction = PendingInteraction & { readonly client: InteractionClient }

export interface AskedPerson {
  readonly id: string
  readonly email: string
}

export interface ConsentPage {
  readonly interaction: ConsentInteraction
  readonly person: AskedPerson
  readonly tools: KnownTools
  readonly notice: string | null
}

export function consentView({ interaction, person, tools, notice }: ConsentPage): ConsentView {
  const { uid, client, requested, identity, device } = interaction
  return {
    action: `/consent/${uid}`,
    client: { name: client.name, verifiedHost: client.idHost },
    redirect: device
      ? { host: device.userCode, kind: 'device' }
      : { host: client.redirectHost, kind: redirectKind(client) },
    server: requested && { title: serverTitle(requested), resource: requested.resource },
    groups: requested ? choiceGroups(requested, tools) : [],
    identity: identityLines(identity),
    account: person,
    switchAccountHref: `/consent/${uid}/switch`,
    notice,
  }
}

/** Of several servers each has a title of its own, further down. */
function serverTitle({ title, upstreams }: RequestedAccess): string {
  return upstreams.length === 1 ? title : `${upstreams.length} servers`
}

function redirectKind({
  redirectIsLoopback,
  redirectSource,
}: InteractionClient): ConsentView['redirect']['kind'] {
  if (redirectIsLoopback) return 'loopback'
  return /^https?:/i.test(redirectSource) ? 'web' : 'app'
}
