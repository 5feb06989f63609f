// Owns the lock of the embedded database's directory: PGlite has none, and two processes on it lose rows in silence.
import { randomUUID } from 'node:crypto'
import { open, readFile, readlink, stat, unlink, utimes } from 'node:fs/promises'
import { hostname } from 'node:os'

const HEARTBEAT_MS = 5_000
/** A lock from another host or container, whose processes cannot be asked after, is dead after this long in silence. */
const SILENCE_MS = 30_000

export interface DirectoryLock {
  release(): Promise<void>
}

interface Owner {
  readonly pid: number
  /** Tells two processes apart that had the same pid one after the other. Null where /proc does not exist. */
  readonly startedAt: string | null
  /** Host and process namespace: a pid means something only there. */
  readonly place: string
}

/** What the file holds: the nonce tells this taking of the lock from any other. */
type Content = Owner & { readonly nonce: string }

export class DirectoryInUseError extends Error {
  constructor(directory: string, pid: number | null, hint = '') {
    const who = pid === null ? 'another process' : `process ${pid}`
    super(`${directory} is in use by ${who}: the embedded database serves one process at a time.${hint}`)
    this.name = 'DirectoryInUseError'
  }
}

/**
 * Takes `<directory>.lock`. Only one of any number of processes gets it; the lock of a process that died is taken over.
 * Throws DirectoryInUseError.
 */
export async function lockDirectory(directory: string): Promise<DirectoryLock> {
  const file = `${directory}.lock`
  const mine = JSON.stringify(await contentOfMine())
  if (!(await createExclusively(file, mine))) await takeOver(directory, file, mine)
  const heartbeat = setInterval(() => void utimes(file, new Date(), new Date()).catch(() => {}), HEARTBEAT_MS)
  heartbeat.unref()
  return {
    async release() {
      clearInterval(heartbeat)
      if ((await contentOf(file)) === mine) await unlink(file)
    },
  }
}

/** The process that has the directory open, where a signal reaches it; null when there is none, or it is somewhere else. */
export async function holderOf(directory: string): Promise<number | null> {
  const owner = parseOwner(await contentOf(`${directory}.lock`))
  if (owner === null || owner.place !== (await placeHere())) return null
  return (await runs(owner)) ? owner.pid : null
}

async function contentOfMine(): Promise<Content> {
  const { pid } = process
  return { pid, startedAt: await startOf(pid), place: await placeHere(), nonce: randomUUID() }
}

/**
 * Whoever removes a lock holds `<lock>.takeover` meanwhile and has looked again under it, so that nobody removes the lock
 * of a process that has just taken over from the same dead one.
 */
async function takeOver(directory: string, file: string, mine: string): Promise<void> {
  await refuseIfAlive(directory, file)
  const guard = `${file}.takeover`
  if (!(await createExclusively(guard, mine))) {
    throw new DirectoryInUseError(directory, null, ` If none is starting just now, remove ${guard}.`)
  }
  try {
    await refuseIfAlive(directory, file)
    await unlink(file).catch(ignoreMissing)
    if (!(await createExclusively(file, mine))) throw new DirectoryInUseError(directory, null)
  } finally {
    await unlink(guard)
  }
}

async function refuseIfAlive(directory: string, file: string): Promise<void> {
  const owner = parseOwner(await contentOf(file))
  const here = owner !== null && owner.place === (await placeHere())
  const alive = here ? await runs(owner) : await beats(file)
  if (alive) throw new DirectoryInUseError(directory, owner?.pid ?? null)
}

async function runs({ pid, startedAt }: Owner): Promise<boolean> {
  return (await startOf(pid)) === startedAt && exists(pid)
}

function exists(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    // EPERM: it is there, and somebody else's.
    return isErrno(error, 'EPERM')
  }
}

async function beats(file: string): Promise<boolean> {
  const found = await stat(file).catch(ignoreMissing)
  return found !== undefined && Date.now() - found.mtimeMs < SILENCE_MS
}

/**
 * When the process started, in clock ticks since boot. Null where it is not known, and for a process that has ended,
 * reaped or not. /proc/<pid>/stat has, after the name in parentheses: state, then 18 others, then this.
 */
async function startOf(pid: number): Promise<string | null> {
  const line = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => null)
  const fields = line?.slice(line.lastIndexOf(')') + 2).split(' ') ?? []
  return fields[0] === 'Z' ? null : (fields[19] ?? null)
}

async function placeHere(): Promise<string> {
  const namespace = await readlink('/proc/self/ns/pid').catch(() => '')
  return `${hostname()} ${namespace}`
}

async function createExclusively(file: string, content: string): Promise<boolean> {
  try {
    const handle = await open(file, 'wx', 0o600)
    await handle.writeFile(content).finally(() => handle.close())
    return true
  } catch (error) {
    if (isErrno(error, 'EEXIST')) return false
    throw error
  }
}

async function contentOf(file: string): Promise<string | undefined> {
  return await readFile(file, 'utf8').catch(ignoreMissing)
}

/** Null for a lock that is still being written, or was cut short by a crash. */
function parseOwner(content: string | undefined): Owner | null {
  try {
    const { pid, startedAt, place }: Owner = JSON.parse(content ?? '')
    return { pid, startedAt, place }
  } catch {
    return null
  }
}

function ignoreMissing(error: unknown): undefined {
  if (!isErrno(error, 'ENOENT')) throw error
}

function isErrno(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code
}
