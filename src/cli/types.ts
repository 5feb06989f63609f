// Owns what a command is.

export interface Command {
  /** One line for the overview. */
  readonly summary: string
  /** What --help prints. */
  readonly usage: string
  /** Throws an error whose message is one clear line. */
  run(args: readonly string[]): Promise<void>
}
