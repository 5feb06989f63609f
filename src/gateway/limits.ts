// Owns the gateway's limits: sizes and times, with their defaults.

export interface Limits {
  readonly maxBodyBytes: number
  readonly maxDepth: number
  readonly maxBatch: number
  readonly connectTimeoutMs: number
  /** Until an upstream answers at all. A tool may work for a long time before it says anything. */
  readonly firstByteTimeoutMs: number
  /** A JSON answer that stops half-way. Event streams may be silent for as long as they like. */
  readonly stalledAnswerMs: number
  /** A client that does not read what is there for it. */
  readonly stalledReaderMs: number
  /** How long an event stream is silent before it gets a comment, so that proxies on the way keep it open. */
  readonly keepAliveMs: number
  /** How often the open streams are looked at: one timer for all of them. */
  readonly pulseMs: number
}

const SECOND = 1000
const MINUTE = 60 * SECOND

export const DEFAULT_LIMITS: Limits = {
  maxBodyBytes: 4 * 1024 * 1024,
  maxDepth: 100,
  maxBatch: 100,
  connectTimeoutMs: 10 * SECOND,
  firstByteTimeoutMs: 15 * MINUTE,
  stalledAnswerMs: MINUTE,
  stalledReaderMs: 5 * MINUTE,
  keepAliveMs: 25 * SECOND,
  pulseMs: 5 * SECOND,
}
