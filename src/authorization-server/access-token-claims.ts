// Owns what our access tokens say beside RFC 9068: the grant that revoking ends them with, and who acts for whom.

import type { AccessToken, ClientCredentials } from 'oidc-provider'

/** RFC 8693 §4.1: who acts, and for whom that one acted in turn. */
export interface Actor {
  readonly sub: string
  readonly act?: Actor | undefined
}

/** A client's own token came out of no grant of a person, so it is one by itself: revoking it ends this token alone. */
const OF_CLIENT = 'client:'

const actors = new WeakMap<object, Actor>()

/** To be called before the token is saved. */
export function setActor(token: AccessToken, actor: Actor): void {
  actors.set(token, actor)
}

export function isGrantOfClient(grantId: string): boolean {
  return grantId.startsWith(OF_CLIENT)
}

export function claimsBesides(token: AccessToken | ClientCredentials): {
  readonly gid: string
  readonly act?: Actor
} {
  const act = actors.get(token)
  return { gid: 'grantId' in token ? token.grantId : OF_CLIENT + token.jti, ...(act && { act }) }
}
