// Owns the proof that commands and the service never have the embedded database open at the same time.

import { join } from 'node:path'
import t from 'tap'
import { openDatabase } from '../../src/storage/database.ts'
import { commandLine, fails } from '../support/command-line.ts'
import { prepareTestDatabase } from '../support/database.ts'

t.test(
  'with the embedded database it works while the service is stopped, and says so while it runs',
  async (t) => {
    const database = await prepareTestDatabase(t, { kind: 'embedded' })
    if (database.kind !== 'embedded') throw new Error('expected an embedded one')
    const gatehouse = commandLine({ DATA_DIR: join(database.directory, '..') })
    const create = [
      'client',
      'create',
      '--name',
      'App',
      '--id',
      'app',
      '--redirect',
      'https://app.example/cb',
    ]
    t.equal((await gatehouse(...create)).code, 0)
    const service = await openDatabase(database)
    await fails(t, gatehouse, create, /in use by process \d+.*Stop the service first/)
    await service.close()
    t.match((await gatehouse(...create)).out, /^Nothing to change/)
  },
)
