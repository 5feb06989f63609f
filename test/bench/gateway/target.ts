// Owns what a target is: something to send calls to, and the processes whose time and memory count for it.

export interface Target {
  readonly name: string
  readonly url: string
  /** None: nothing stands in between. */
  readonly pids: readonly number[]
  /** Takes part in every comparison, not only in the plain one. */
  readonly versatile: boolean
  /** Calls a second that it can answer and still have time left. */
  readonly moderateRate?: number
  /** Where a Node process can be asked to collect its garbage. */
  readonly inspectorPort?: number
}
