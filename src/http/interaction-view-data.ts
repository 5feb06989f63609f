// Owns what the pages are given that a person meets on the way to an app: signing in, setting up, agreeing, devices.

import type { Moment } from './moment.ts'

/** Who asks: shown on every page of an interaction. The name is whatever the client claims. */
export interface AskingClient {
  readonly name: string
  /** The host of its client ID metadata document, which only its owner can publish; null: nothing vouches for the name. */
  readonly verifiedHost: string | null
}

/** A problem with one field, listed at the top and repeated at the field. */
export interface FieldProblem {
  /** The field's name, which is also its id. */
  readonly field: string
  readonly message: string
}

/** Posts `email`, `password` and `_csrf` to `action`. */
export interface LoginView {
  readonly action: string
  /** Null: the person came by themselves. */
  readonly client: AskingClient | null
  /** What was typed before, or the client's login hint. */
  readonly email: string
  /** The same words for an unknown person and a wrong password. */
  readonly problem: string | null
  /** Set while sign-in is throttled. */
  readonly retryAfterSeconds: number | null
}

/** Posts `email`, `password`, `password_again`, `_csrf` and, when it is not in the action, `token` to `action`. */
export interface SetupView {
  readonly action: string
  /** The one-time token of the set-up link; null when the action's URL carries it. */
  readonly token: string | null
  readonly email: string
  readonly minimumPasswordLength: number
  /** Fields: `email`, `password`, `password_again`. */
  readonly problems: readonly FieldProblem[]
}

/** One tool, as its upstream describes it. */
export interface ToolLine {
  readonly name: string
  readonly title: string | null
  /** It came, or became dangerous, after the person agreed last time. */
  readonly isNew: boolean
}

/** One thing the person may allow. */
export interface ScopeChoice {
  /** The scope's value. */
  readonly scope: string
  readonly label: string
  readonly description: string
  readonly requested: boolean
  readonly tools: readonly ToolLine[]
}

/** What may be allowed at one upstream. */
export interface ChoiceGroup {
  readonly title: string
  readonly choices: readonly ScopeChoice[]
}

/** Posts `decision` (`allow` or `deny`), `scope` (none, one or several), `account` and `_csrf` to `action`. */
export interface ConsentView {
  readonly action: string
  readonly client: AskingClient
  /**
   * Where the answer goes: a site, any program on this computer, whichever app opens links of this scheme, or a device,
   * whose `host` is the code it shows.
   */
  readonly redirect: { readonly host: string; readonly kind: 'web' | 'loopback' | 'app' | 'device' }
  /** Null when the client only asks who the person is. */
  readonly server: { readonly title: string; readonly resource: string } | null
  /** One for each upstream behind it. */
  readonly groups: readonly ChoiceGroup[]
  /** What it learns about the person, in words. */
  readonly identity: readonly string[]
  readonly account: { readonly id: string; readonly email: string }
  readonly switchAccountHref: string
  /** Said first, when the page is shown again. */
  readonly notice: string | null
}

/** Posts `user_code` and `_csrf` to `action`. */
export interface DeviceView {
  readonly action: string
  /** What was typed before, or what the link carried. */
  readonly userCode: string
  readonly problem: string | null
  readonly retryAfterSeconds: number | null
}

/** Posts `user_code`, `decision` (`continue` or `deny`) and `_csrf` to `action`. */
export interface DeviceConfirmView {
  readonly action: string
  /** As the device shows it. */
  readonly userCode: string
  readonly client: AskingClient
  /** What it would like to do and where, in words. None when it only asks who the person is. */
  readonly servers: readonly { readonly title: string; readonly wishes: readonly string[] }[]
  readonly askedFrom: { readonly ip: string; readonly program: string; readonly when: Moment }
}

/** A page that leads on by itself; see proceed.ts. */
export interface ProceedView {
  readonly href: string
}
