// Owns the question whether a person has to be asked for consent, as the one who asks it and the one who decides it see it.

export interface RememberedConsent {
  readonly scopes: ReadonlySet<string>
  readonly redirectHost: string
  readonly clientFingerprint: string
}

/** Remembered consents are kept per person, client and resource, so those three agree already. */
export interface ConsentQuestion {
  readonly requested: ReadonlySet<string>
  readonly remembered: RememberedConsent | null
  /** The request's `prompt` parameter, space-delimited. */
  readonly prompt: string
  /** What the client is now, in the terms in which it was remembered. */
  readonly clientFingerprint: string
  readonly redirectHost: string
  readonly redirectIsLoopback: boolean
  /** The client's identifier is a public URL that anybody can name (client ID metadata document). */
  readonly clientIsPublicDocument: boolean
  /** Tools are held until agreed to, and there are some that the person has not seen. */
  readonly hasHeldTools: boolean
}

export type DecideConsent = (question: ConsentQuestion) => 'granted' | 'ask'
