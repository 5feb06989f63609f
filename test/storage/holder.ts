// Owns a second process for the lock tests: holds a directory until its stdin ends.
import { openDatabase } from '../../src/storage/database.ts'
import { lockDirectory } from '../../src/storage/directory-lock.ts'

const [what, directory = ''] = process.argv.slice(2)

try {
  const release =
    what === 'database'
      ? (await openDatabase({ kind: 'embedded', directory })).close
      : (await lockDirectory(directory)).release
  console.log('held')
  for await (const _ of process.stdin);
  await release()
} catch (error) {
  console.log(error instanceof Error ? error.message : error)
}
