// Owns what our access tokens say beside RFC 9068: the grant that revoking ends them with, and who acts for whom.

import type { AccessToken, ClientCredentials, KoaContextWithOIDC } from 'oidc-provider'

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

export interface OwnClaims {
  readonly gid: string
  /** When the person agreed: tools that appear later were not part of it. Absent where nobody was asked. */
  readonly consented_at?: number | undefined
  readonly act?: Actor
  /** RFC 9068 §2.2.3.1; absent when there are none. */
  readonly groups?: readonly string[]
}

/** `groupsOf`: of the person with this id. A client's own token is nobody's. */
export async function claimsBesides(
  ctx: KoaContextWithOIDC,
  token: AccessToken | ClientCredentials,
  groupsOf: (userId: string) => Promise<readonly string[]>,
): Promise<OwnClaims> {
  const act = actors.get(token)
  const gid = 'grantId' in token ? token.grantId : OF_CLIENT + token.jti
  const groups = 'accountId' in token && token.accountId ? await groupsOf(token.accountId) : []
  const of = groups.length > 0 ? { groups } : {}
  return { gid, consented_at: ctx.oidc.entities.Grant?.iat, ...(act && { act }), ...of }
}
