// Owns why a document could not be fetched, and whether it helps to try again.

interface OutboundErrorOptions extends ErrorOptions {
  readonly isLasting?: boolean
}

/** Why a document could not be fetched. One text for everybody; the reason is for the log. */
export class OutboundError extends Error {
  readonly detail: string
  /** Whether it would be the same a little later; what is not there, or breaks, may be there again. */
  readonly isLasting: boolean

  constructor(detail: string, { isLasting = false, ...options }: OutboundErrorOptions = {}) {
    super('the document could not be fetched', options)
    this.name = 'OutboundError'
    this.detail = detail
    this.isLasting = isLasting
  }
}
