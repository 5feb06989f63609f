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
