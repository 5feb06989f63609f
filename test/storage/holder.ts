// Owns a second process for the lock tests: holds a directory until its stdin ends.
import { openDatabase } from '../../src/storage/database.ts'
import { lockDirectory } from '../../src/storage/directory-lock.ts'
import { hashToken } from '../../src/storage/hash.ts'
import * as setupLinks from '../../src/storage/setup-links.ts'

const [what, directory = ''] = process.argv.slice(2)

try {
  const release = what === 'database' ? await holdDatabase() : (await lockDirectory(directory)).release
  console.log('held')
  for await (const _ of process.stdin);
  await release()
} catch (error) {
  console.log(error instanceof Error ? error.message : error)
}

/** Writes one row, which is acknowledged before the parent hears of it. */
async function holdDatabase(): Promise<() => Promise<void>> {
  const { db, close } = await openDatabase({ kind: 'embedded', directory })
  await setupLinks.create(db, hashToken(String(process.pid)), 60)
  return close
}
