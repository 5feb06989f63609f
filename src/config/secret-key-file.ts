// Owns the file with the generated master key: created whole or not at all, and readable by its owner only.

import { randomBytes } from 'node:crypto'
import { type FileHandle, link, mkdir, open, unlink } from 'node:fs/promises'
import { dirname } from 'node:path'
import { ConfigError, type Problem } from './problem.ts'
import { secretKeys } from './service-variables.ts'

const KEY_BYTES = 32
const OWNER_ONLY = 0o600
const OWNER_ONLY_DIRECTORY = 0o700
const GROUP_AND_OTHERS = 0o077

/** Only one of several concurrent calls writes; every one of them returns what was written. */
export async function readOrCreateKeyFile(path: string): Promise<readonly string[]> {
  try {
    return (await readKeyFile(path)) ?? (await createKeyFile(path))
  } catch (error) {
    if (error instanceof ConfigError) throw error
    throw keyFileError(
      'a directory in which a file for the master key can be kept',
      `${path}, ${codeOf(error)}`,
      error,
    )
  }
}

/** Null when there is none. */
async function readKeyFile(path: string): Promise<readonly string[] | null> {
  const file = await openExisting(path)
  if (file === null) return null
  try {
    await refuseReadableByOthers(file, path)
    const keys = secretKeys.safeParse(await file.readFile('utf8'))
    if (keys.success) return keys.data
    throw keyFileError('a file with a key of 32 characters or more', `${path}, which holds something else`)
  } finally {
    await file.close()
  }
}

async function openExisting(path: string): Promise<FileHandle | null> {
  try {
    return await open(path, 'r')
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return null
    throw error
  }
}

async function refuseReadableByOthers(file: FileHandle, path: string): Promise<void> {
  const { mode } = await file.stat()
  // Windows has no such bits and reports them all as set.
  if (process.platform === 'win32' || (mode & GROUP_AND_OTHERS) === 0) return
  const bits = (mode & 0o777).toString(8).padStart(4, '0')
  throw keyFileError(
    `the master key to be readable by its owner only (chmod 600 ${path}), or a SECRET_KEY instead of the file`,
    `${path} with mode ${bits}`,
  )
}

async function createKeyFile(path: string): Promise<readonly string[]> {
  await mkdir(dirname(path), { recursive: true, mode: OWNER_ONLY_DIRECTORY })
  const draft = `${path}.${randomBytes(8).toString('hex')}`
  await writeDurably(draft, `${randomBytes(KEY_BYTES).toString('base64url')}\n`)
  try {
    // A link cannot replace a file, so the first process wins, and nobody ever reads half a key.
    await link(draft, path)
  } catch (error) {
    if (codeOf(error) !== 'EEXIST') throw error
  } finally {
    await unlink(draft)
  }
  return (await readKeyFile(path)) ?? []
}

async function writeDurably(path: string, text: string): Promise<void> {
  const file = await open(path, 'wx', OWNER_ONLY)
  try {
    await file.writeFile(text)
    await file.sync()
  } finally {
    await file.close()
  }
}

function keyFileError(expected: string, got: string, cause?: unknown): ConfigError {
  const problem: Problem = { variable: 'DATA_DIR', expected, got }
  return new ConfigError([problem], { cause })
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : 'unknown error'
}
