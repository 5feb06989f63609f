// Owns where the log of a test goes: kept, to be looked at.

import { Writable } from 'node:stream'

export function lines(): { readonly destination: Writable; readonly written: () => string } {
  const kept: string[] = []
  const keep = (chunk: unknown, done: () => void) => {
    kept.push(String(chunk))
    done()
  }
  const destination = new Writable({
    write: (chunk, _encoding, done) => keep(chunk, done),
  })
  return { destination, written: () => kept.join('') }
}

/** A busy machine may keep a process so long from looking into the database that it says so, and then says that it can again. */
const NOTHING_BUT_LATE = 'the database does not say what was revoked'

/** What went wrong, by a log: its errors, each a line. */
export function errorsIn(log: string): readonly string[] {
  return log
    .split('\n')
    .filter((line) => /"level":[56]0/.test(line))
    .filter((line) => !line.includes(NOTHING_BUT_LATE))
}
