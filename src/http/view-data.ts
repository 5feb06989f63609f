// Owns which pages there are, and what each is given. The posted fields are named where a form is.

import type { AccountView, ApiKeyView, ConnectView, LogoutView } from './account-view-data.ts'
import type {
  ConsentView,
  DeviceConfirmView,
  DeviceView,
  LoginView,
  ProceedView,
  SetupView,
} from './interaction-view-data.ts'

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

/** What is at an address for apps. */
export interface SignpostView extends EndpointLine {
  /** As on the front page. */
  readonly isLocal: boolean
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

export interface ViewData {
  readonly login: LoginView
  readonly setup: SetupView
  readonly consent: ConsentView
  readonly home: HomeView
  readonly signpost: SignpostView
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
