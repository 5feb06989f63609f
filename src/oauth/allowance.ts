// Owns the words for how much somebody may do: how often, and how much at once.

/** So many times in so many seconds. That many may come at once; then they come back evenly. */
export interface Rate {
  readonly times: number
  readonly seconds: number
}

/** Null: as much as they like. */
export interface Allowance {
  readonly rate: Rate | null
  /** Under way at once. */
  readonly calls: number | null
  /** Streams that only listen, open at once. */
  readonly streams: number | null
}

export const UNLIMITED: Allowance = { rate: null, calls: null, streams: null }

/** Of the tools that a pattern names, taken together. */
export interface ToolLimits {
  /** `*` stands for any characters. */
  readonly tool: string
  readonly total: Allowance
  readonly perPerson: Allowance
}

/** What one upstream takes. Null: what holds for all of them. */
export interface UpstreamLimits {
  /** Of everybody together. */
  readonly total: Allowance
  readonly perPerson: Allowance
  readonly tools: readonly ToolLimits[]
  readonly maxBodyBytes: number | null
  readonly connectTimeoutMs: number | null
  readonly firstByteTimeoutMs: number | null
}

export const NO_LIMITS: UpstreamLimits = {
  total: UNLIMITED,
  perPerson: UNLIMITED,
  tools: [],
  maxBodyBytes: null,
  connectTimeoutMs: null,
  firstByteTimeoutMs: null,
}
