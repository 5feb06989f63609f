// Owns what each page is given: one interface per view. The posted fields are named where a form is.

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

/** One address to give to a client. */
export interface EndpointLine {
  readonly title: string
  readonly url: string
}

export interface HomeView {
  /** The first one is used in the examples. */
  readonly endpoints: readonly EndpointLine[]
  /** Only programs on this machine can reach us, so hosted clients cannot. */
  readonly isLocal: boolean
  /** The email address of who is signed in. */
  readonly signedInAs: string | null
  readonly signInHref: string
  /** Where its form posts `_csrf` to sign out. */
  readonly signOutAction: string
  /** No administrator exists yet. */
  readonly needsSetUp: boolean
}

export interface PageLink {
  readonly href: string
  readonly label: string
}

export interface ErrorView {
  readonly title: string
  readonly message: string
  /** What a person can do now. */
  readonly advice: string | null
  readonly link: PageLink | null
  /** An OAuth error code, for the client's developer. */
  readonly code: string | null
  readonly requestId: string | null
}

/** Anything that went well and needs no form: signed out, set up, you may close this page. */
export interface MessageView {
  readonly title: string
  readonly message: string
  readonly link: PageLink | null
}

/** A page that leads on by itself; see proceed.ts. */
export interface ProceedView {
  readonly href: string
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

/** Posts what it was given in `parameters`, and `_csrf`, to `action`. */
export interface LogoutView {
  readonly action: string
  readonly email: string
  /** The app that asks for it; null when the person came by themselves. */
  readonly client: AskingClient | null
  readonly returnHost: string | null
  readonly parameters: readonly { readonly name: string; readonly value: string }[]
}

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
  readonly lifetimes: readonly { readonly days: number; readonly usual: boolean }[]
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
  readonly expired: boolean
  /** What is shared, an administrator makes and ends; to anybody else the page says so. */
  readonly mayConnect: boolean
  /** What went wrong the last time. */
  readonly problem: string | null
}

/** One upstream of the account page that wants a login. */
export interface ConnectionLine {
  readonly title: string
  readonly href: string
  readonly state: string
  readonly isGood: boolean
  readonly shared: boolean
  readonly scopes: string
  readonly since: Moment | null
  readonly lastUsed: Moment | null
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

export interface ViewData {
  readonly login: LoginView
  readonly setup: SetupView
  readonly consent: ConsentView
  readonly home: HomeView
  readonly error: ErrorView
  readonly message: MessageView
  readonly device: DeviceView
  readonly 'device-confirm': DeviceConfirmView
  readonly logout: LogoutView
  readonly account: AccountView
  readonly 'api-key': ApiKeyView
  readonly connect: ConnectView
  readonly proceed: ProceedView
}

export type ViewName = keyof ViewData

export interface RenderOptions {
  readonly status?: number
  /**
   * Where else the page's form may lead: pass `client.redirectSource` on every page of an interaction, because Chromium
   * applies form-action to the redirects that follow a POST.
   */
  readonly formAction?: string | undefined
}
