// Owns the names of tools and of their arguments: such as every client takes, and the same whatever else a document has.

import { createHash } from 'node:crypto'

/** The least that clients of the field accept. */
const LONGEST = 64
const DIGEST_CHARACTERS = 8

/** `identity` is what the name stands for, and stays what it is when others come or go. */
export interface Named {
  readonly wanted: string
  readonly identity: string
}

/**
 * A name for each, in the same order. Where several want the same one, none gets it: a name must never pass to something else
 * because the document has changed.
 */
export function uniqueNames(all: readonly Named[]): readonly string[] {
  const counts = new Map<string, number>()
  const safe = all.map(({ wanted }) => safeName(wanted))
  for (const name of safe) counts.set(fold(name), (counts.get(fold(name)) ?? 0) + 1)
  return all.map(({ wanted, identity }, at) => {
    const name = safe[at] ?? ''
    const alone = counts.get(fold(name)) === 1 && wanted.length <= LONGEST && name !== ''
    return alone ? name : withDigest(name, identity)
  })
}

/** Two names that differ in case alone are easily taken for one another. */
function fold(name: string): string {
  return name.toLowerCase()
}

function safeName(wanted: string): string {
  return wanted.replace(/[^A-Za-z0-9_-]+/g, '_').replace(/^_+|_+$/g, '')
}

function withDigest(name: string, identity: string): string {
  const digest = createHash('sha256').update(identity).digest('hex').slice(0, DIGEST_CHARACTERS)
  return `${name.slice(0, LONGEST - DIGEST_CHARACTERS - 1)}_${digest}`
}
