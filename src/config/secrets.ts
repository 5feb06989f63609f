// Owns the master keys: given by the operator, or generated once beside the embedded database.

import { join } from 'node:path'
import { type Environment, readGiven } from './given.ts'
import { ConfigError, withoutProblems } from './problem.ts'
import { readOrCreateKeyFile } from './secret-key-file.ts'
import { readValues } from './variables.ts'

export interface Secrets {
  /** The first one seals, all of them open. Never empty. */
  readonly secretKeys: readonly string[]
}

/** The part of the configuration that says where a key may be. */
interface Place {
  readonly database: { readonly kind: 'postgres' | 'embedded' }
  readonly dataDir: string
}

const KEY_FILE = 'secret-key'

/**
 * Call it with a configuration that `loadConfig` accepted. With an embedded database and no SECRET_KEY, the key is read
 * from `DATA_DIR/secret-key`, and generated there the first time: of several processes that start at once, one key wins
 * and all of them get it. Throws ConfigError.
 */
export async function loadSecrets(env: Environment, config: Place): Promise<Secrets> {
  const given = withoutProblems((report) => readValues(readGiven(env, report), report).SECRET_KEY ?? [])
  if (given.length > 0) return { secretKeys: given }
  if (config.database.kind === 'postgres') {
    throw new ConfigError([
      { variable: 'SECRET_KEY', expected: 'a value, because DATABASE_URL is set', got: 'nothing' },
    ])
  }
  return { secretKeys: await readOrCreateKeyFile(join(config.dataDir, KEY_FILE)) }
}
