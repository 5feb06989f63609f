// Owns how an interaction becomes the consent page's data.

import type { InteractionClient, PendingInteraction } from '../authorization-server/interactions.ts'
import type { ConsentView } from '../http/view-data.ts'
import type { Tools } from '../oauth/tool.ts'
import { identityLines, scopeChoices } from './choices.ts'

export type ConsentInteraction = PendingInteraction & { readonly client: InteractionClient }

export interface AskedPerson {
  readonly id: string
  readonly email: string
}

export interface ConsentPage {
  readonly interaction: ConsentInteraction
  readonly person: AskedPerson
  readonly tools: Tools | undefined
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
    upstream: requested && { title: requested.title, resource: requested.resource },
    choices: requested
      ? scopeChoices({ offer: requested, requested: requested.scopes, tools, agreedAt: requested.agreedAt })
      : [],
    identity: identityLines(identity),
    account: person,
    switchAccountHref: `/consent/${uid}/switch`,
    notice,
  }
}

function redirectKind({
  redirectIsLoopback,
  redirectSource,
}: InteractionClient): ConsentView['redirect']['kind'] {
  if (redirectIsLoopback) return 'loopback'
  return /^https?:/i.test(redirectSource) ? 'web' : 'app'
}
