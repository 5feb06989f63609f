// Owns what the pages of a signed-in person are given: apps, browsers, keys, connections, signing out.

import type { AskingClient, FieldProblem } from './interaction-view-data.ts'
import type { Moment } from './moment.ts'

/** One app of the account page. Its form posts `client_id`. */
export interface AppLine {
  readonly clientId: string
  readonly name: string
  readonly verifiedHost: string | null
  /** Where its codes went; null when it is a device. */
  readonly goesTo: { readonly host: string; readonly isLocal: boolean } | null
  readonly access: readonly { readonly title: string; readonly resource: string; readonly may: string }[]
  readonly since: Moment
  readonly lastUsed: Moment
}

/** One browser of the account page. Its form posts `session`. */
export interface BrowserLine {
  readonly sessionId: string
  readonly name: string
  readonly ip: string
  readonly isThis: boolean
  readonly signedIn: Moment
  readonly seen: Moment
}

/** One API key of the account page. Its form posts `key`. */
export interface KeyLine {
  readonly id: string
  readonly name: string
  /** Its first characters. */
  readonly hint: string
  readonly may: readonly string[]
  readonly created: Moment
  readonly lastUsed: Moment | null
  /** Null for one that never expires. */
  readonly expires: Moment | null
}

/** The form for a new key. Posts `key_name`, `key_scope` (repeated) and `key_days`. */
export interface NewKeyForm {
  readonly offers: readonly {
    readonly title: string
    readonly scopes: readonly { readonly scope: string; readonly label: string }[]
  }[]
  readonly lifetimes: readonly { readonly days: number; readonly chosen: boolean }[]
  /** What was typed the last time, so that a mistake does not cost it. */
  readonly name: string
  readonly chosen: ReadonlySet<string>
}

/** The page on which a person connects an upstream. Its forms post to the paths named here. */
export interface ConnectView {
  /** Posts `for` as well, and for a key `key`. */
  readonly action: string
  readonly disconnectAction: string
  readonly title: string
  readonly host: string
  readonly email: string
  readonly how: 'oauth2' | 'api-key'
  readonly shared: boolean
  readonly hint: string | null
  /** The handle of the link that led here; empty for none. */
  readonly handle: string
  readonly connectedSince: Moment | null
  readonly lastUsed: Moment | null
  readonly state: LoginStateLine
  /** Empty for none, or none that is known. */
  readonly scopes: readonly string[]
  /** What is shared, an administrator makes and ends; to anybody else the page says so. */
  readonly mayConnect: boolean
  /** What went wrong the last time. */
  readonly problem: string | null
}

/** How a login at an upstream stands. */
export interface LoginStateLine {
  readonly label: 'connected' | 'needs login' | 'expired' | 'error'
  readonly isGood: boolean
  /** Why it is not, and what helps; null when the label says it all. */
  readonly why: string | null
}

/** One upstream of the account page that wants a login. */
export interface ConnectionLine {
  readonly title: string
  readonly href: string
  readonly state: LoginStateLine
  /** Of the link. */
  readonly action: string
  readonly shared: boolean
  readonly scopes: readonly string[]
  readonly since: Moment | null
  readonly lastUsed: Moment | null
}

/** A login at an upstream that an earlier configuration left behind. Its form posts `everybody` (`yes`) for one of all. */
export interface LeftOverLine {
  readonly title: string
  readonly action: string
  readonly shared: boolean
  readonly since: Moment
}

export interface ApiKeyView {
  readonly key: string
  readonly name: string
  readonly back: string
}

/** Every form posts `_csrf` to the path named here, and what its lines say. */
export interface AccountView {
  readonly actions: {
    readonly disconnect: string
    readonly endSession: string
    /** Also posts `apps` (`keep` or `disconnect`). */
    readonly endAll: string
    /** Posts `password`, `new_password`, `new_password_again` and, when ticked, `apps` (`disconnect`). */
    readonly password: string
    readonly createKey: string
    readonly revokeKey: string
    readonly signOut: string
  }
  readonly person: { readonly name: string | null; readonly email: string }
  readonly apps: readonly AppLine[]
  readonly browsers: readonly BrowserLine[]
  /** The upstreams that want a login of this person. */
  readonly connections: readonly ConnectionLine[]
  readonly leftOver: readonly LeftOverLine[]
  /** Those that are good. */
  readonly keys: readonly KeyLine[]
  readonly newKey: NewKeyForm
  readonly hasPassword: boolean
  readonly minimumPasswordLength: number
  /** Fields: `password`, `new_password`, `new_password_again`, `key_name`, `key_scope`, `key_days`. */
  readonly problems: readonly FieldProblem[]
  readonly retryAfterSeconds: number | null
  /** What was just done. */
  readonly notice: string | null
}

/** Posts what it was given in `parameters`, and `_csrf`, to `action`. */
export interface LogoutView {
  readonly action: string
  readonly email: string
  /** The app that asks for it; null when the person came by themselves. */
  readonly client: AskingClient | null
  readonly returnHost: string | null
  readonly parameters: readonly { readonly name: string; readonly value: string }[]
}
