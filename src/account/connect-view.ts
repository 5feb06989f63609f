// Owns how an upstream that wants a login, and the connection to it, become the data of pages. Pure.

import type { ConnectionLine, ConnectView, LeftOverLine, LoginStateLine } from '../http/account-view-data.ts'
import { momentOf } from '../http/moment.ts'
import type { MessageView } from '../http/view-data.ts'
import type { ConnectionState } from '../oauth/upstream-auth.ts'
import { type Connection, connectPath, type LeftOver, type Wish } from '../upstreams/connections/port.ts'
import { ACCOUNT_PATH, LEFT_OVER_PATH } from './paths.ts'

export interface Shown {
  readonly email: string
  readonly handle: string
  readonly problem: string | null
  readonly mayConnect: boolean
}

export function connectView(wish: Wish, connection: Connection | null, shown: Shown): ConnectView {
  const path = connectPath(wish.upstream)
  const { title, host, how, shared, hint } = wish
  return {
    action: path,
    disconnectAction: `${path}/end`,
    title,
    host,
    how,
    shared,
    hint,
    connectedSince: connection?.since ? momentOf(connection.since) : null,
    lastUsed: connection?.lastUsedAt ? momentOf(connection.lastUsedAt) : null,
    state: stateLine(connection?.state ?? { kind: 'needs_login' }, how),
    scopes: connection?.scopes ?? [],
    ...shown,
  }
}

export function connectionLine(connection: Connection, isAdministrator: boolean, now: Date): ConnectionLine {
  const { title, upstream, how, state, shared, scopes, since, lastUsedAt } = connection
  return {
    title,
    href: connectPath(upstream),
    state: stateLine(state, how),
    action: shared && !isAdministrator ? 'Details' : ACTION[state.kind],
    shared,
    scopes,
    since: since && momentOf(since, now),
    lastUsed: lastUsedAt && momentOf(lastUsedAt, now),
  }
}

export function leftOverLine({ upstream, shared, since }: LeftOver, now: Date): LeftOverLine {
  return { title: upstream, action: LEFT_OVER_PATH + upstream, shared, since: momentOf(since, now) }
}

const ACTION: Readonly<Record<ConnectionState['kind'], string>> = {
  connected: 'Change',
  needs_login: 'Connect',
  expired: 'Connect again',
  error: 'Details',
}

function stateLine(state: ConnectionState, how: Connection['how']): LoginStateLine {
  switch (state.kind) {
    case 'connected':
      return { label: 'connected', isGood: true, why: null }
    case 'needs_login':
      return { label: 'needs login', isGood: false, why: null }
    case 'expired': {
      const why = state.why ?? 'It is not accepted any more.'
      return {
        label: 'expired',
        isGood: false,
        why: `${why} ${how === 'api-key' ? 'A new key helps.' : 'Logging in again helps.'}`,
      }
    }
    case 'error':
      return { label: 'error', isGood: false, why: `${state.why} It is tried again with the next call.` }
  }
}

const TO_ACCOUNT = { href: ACCOUNT_PATH, label: 'Your account' }

export const NOT_FOUND: MessageView = {
  title: 'There is nothing to connect',
  message: 'No server of this name wants a login here. It may have been renamed or removed.',
  link: TO_ACCOUNT,
}

export const BROKEN_LINK: MessageView = {
  title: 'This link does not work',
  message:
    'A part of it is missing or was changed on the way, or it is from before this service got new keys. Repeat what you did in your app, which gives you a new link, or log in from your account.',
  link: TO_ACCOUNT,
}

export const NOT_YOURS: MessageView = {
  title: 'This link is for another account',
  message:
    'It was made for a call of somebody else. If you were sent it, do not use it: you would connect your account to what they do. If it is your own, sign in with the account that your app uses.',
  link: TO_ACCOUNT,
}

export const UNKNOWN_LOGIN: MessageView = {
  title: 'This login cannot be finished',
  message:
    'It was begun in another browser, took longer than ten minutes, or was finished before. Begin again.',
  link: TO_ACCOUNT,
}

export function withoutMore({ title }: Wish): MessageView {
  return {
    title: `${title} is connected`,
    message: 'Go back to your app. If it does not go on by itself, ask it to try again.',
    link: TO_ACCOUNT,
  }
}
