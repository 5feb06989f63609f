// Owns the secrets of a first `docker compose up`: makes what is missing, leaves alone what is there.

import { randomBytes } from 'node:crypto'
import { chownSync, existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

const [, , keyDirectory = '/key', databaseDirectory = '/database'] = process.argv
/** The user that the image runs as. */
const NODE_USER = 1000

const password = randomBytes(24).toString('base64url')
create(keyDirectory, 'secret-key', randomBytes(32).toString('base64url'), 0o600, NODE_USER)
// PostgreSQL's image reads its password as a user of its own, so this directory is shared with that service alone.
const isNew = create(databaseDirectory, 'password', password, 0o444)
if (isNew) create(databaseDirectory, 'url', `postgres://gatehouse:${password}@postgres:5432/gatehouse`, 0o444)

/**
 * @param {string} directory
 * @param {string} name
 * @param {string} content
 * @param {number} mode
 * @param {number} [owner]
 */
function create(directory, name, content, mode, owner) {
  const file = join(directory, name)
  mkdirSync(directory, { recursive: true })
  if (existsSync(file)) return false
  writeFileSync(file, content, { mode, flag: 'wx' })
  if (owner !== undefined && process.getuid?.() === 0) chownSync(file, owner, owner)
  return true
}
