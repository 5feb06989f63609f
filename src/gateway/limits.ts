// Owns the gateway's limits: sizes and times, with their defaults. How much somebody may do is in limits/.

export interface Limits {
  readonly maxBodyBytes: number
  readonly maxDepth: number
  readonly maxBatch: number
  readonly connectTimeoutMs: number
  /** Until an upstream answers at all. A tool may work for a long time before it says anything. */
  readonly firstByteTimeoutMs: number
  /** The same for what takes nobody long, such as listing tools. */
  readonly quickTimeoutMs: number
  /** A JSON answer that stops half-way. Event streams may be silent for as long as they like. */
  readonly stalledAnswerMs: number
  /** From the first byte of a JSON answer to the last. */
  readonly wholeAnswerMs: number
  /** Of a JSON answer, and of a single event of a stream. */
  readonly maxAnswerBytes: number
  /** A client that does not read what is there for it. */
  readonly stalledReaderMs: number
  /** How long an event stream is silent before it gets a comment, so that proxies on the way keep it open. */
  readonly keepAliveMs: number
  /** Before a call that found nobody is sent again: about what a listener takes to be replaced. */
  readonly repeatPauseMs: number
  /** Where several upstreams answer as one: how long the others' answers wait for one of them. */
  readonly straggleMs: number
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
  quickTimeoutMs: MINUTE,
  stalledAnswerMs: MINUTE,
  wholeAnswerMs: 15 * MINUTE,
  maxAnswerBytes: 256 * 1024 * 1024,
  stalledReaderMs: 5 * MINUTE,
  keepAliveMs: 25 * SECOND,
  repeatPauseMs: 150,
  straggleMs: 5 * SECOND,
  pulseMs: 5 * SECOND,
}
