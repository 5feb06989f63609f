// Owns which upstreams there is something to log in at, where, and for whom.

import type { OAuth2Auth } from '../../oauth/upstream-auth.ts'
import type { Upstream } from '../registry.ts'
import { isOurOwn, type Wanting, wantsLogin } from './binding.ts'
import { CALLBACK_PATH, type Failed } from './port.ts'

export interface Target {
  readonly upstream: Wanting
  readonly auth: OAuth2Auth
  readonly place: string
  readonly redirectUri: string
}

export interface Targets {
  all(): readonly Wanting[]
  /** Null when there is no such upstream, or it wants no login. */
  find(name: string): Wanting | null
  /** Where to log in; or why not. */
  loginAt(name: string, isOperator: boolean): Target | Failed
}

export const NO_SUCH_UPSTREAM = 'There is no such server here that wants a login.'
export const OPERATORS_ONLY = 'Everybody shares this login. An administrator makes and ends it.'

export function createTargets(upstreams: () => readonly Upstream[], publicUrl: string): Targets {
  const all = () => upstreams().filter(wantsLogin)
  const find = (name: string) => all().find((upstream) => upstream.name === name) ?? null

  function loginAt(name: string, isOperator: boolean): Target | Failed {
    const upstream = find(name)
    if (
      upstream?.auth.type !== 'oauth2' ||
      isOurOwn(upstream) ||
      !('url' in upstream) ||
      upstream.url === null
    )
      return { kind: 'failed', why: NO_SUCH_UPSTREAM }
    const { auth, url: place } = upstream
    if (auth.shared && !isOperator) return { kind: 'failed', why: OPERATORS_ONLY }
    return { upstream, auth, place, redirectUri: auth.redirectUri ?? publicUrl + CALLBACK_PATH }
  }

  return { all, find, loginAt }
}
