// Owns what the operator is told of a database that cannot be used: what is wrong with it, in its own words.

/** For `catch`: a wrong password, a database that does not exist and a server that nobody reaches say so themselves. */
export function unusable(what: string): (cause: unknown) => never {
  return (cause) => {
    throw new Error(`${what}: ${wordsOf(cause)}`, { cause })
  }
}

/** Where a host has several addresses, each has an error of its own, and the whole has no words. */
function wordsOf(error: unknown): string {
  if (error instanceof AggregateError) return error.errors.map(wordsOf).join('; ')
  return error instanceof Error ? error.message : String(error)
}
