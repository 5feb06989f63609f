// Owns a throw-away PostgreSQL: initialised in a temporary directory, gone when this process is, however it ends.
import { execFile, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { promisify } from 'node:util'
import { freePort } from './local-server.ts'
import { type PostgresBinaries, unpackNpmBinaries } from './postgres-binaries.ts'

const run = promisify(execFile)

/** Losing data at a crash is what a throw-away cluster may do. */
const SETTINGS = {
  fsync: 'off',
  full_page_writes: 'off',
  synchronous_commit: 'off',
  max_connections: '200',
  listen_addresses: '127.0.0.1',
  unix_socket_directories: '',
}

/**
 * Starts the server and waits. When the pipe from this process closes, which the system does also after SIGKILL, it stops
 * the server and removes the directory. $0 is the directory.
 */
const KEEPER = '"$@" & server=$!; exec 2>&-; read -r _; kill -QUIT "$server"; wait "$server"; rm -rf "$0"'

export interface Cluster {
  /** Of its superuser, with the database `postgres`. */
  readonly url: string
  stop(): Promise<void>
}

export async function startCluster(binaries: PostgresBinaries): Promise<Cluster> {
  const directory = await mkdtemp(join(tmpdir(), 'gatehouse-postgres-'))
  try {
    const bin = binaries.origin === 'npm' ? await unpackNpmBinaries(directory) : binaries.directory
    const user = await unprivilegedUser()
    const password = randomBytes(16).toString('hex')
    await initialise(bin, directory, password, user)
    const port = await freePort()
    const stop = await serve(bin, directory, port, user)
    return { url: `postgres://postgres:${password}@127.0.0.1:${port}/postgres`, stop }
  } catch (error) {
    await rm(directory, { recursive: true, force: true })
    throw error
  }
}

type User = { readonly uid: number; readonly gid: number } | null

/** PostgreSQL refuses to run as root, so root runs it as somebody who exists and owns little. */
async function unprivilegedUser(): Promise<User> {
  if (process.getuid?.() !== 0) return null
  const lines = (await readFile('/etc/passwd', 'utf8')).split('\n').map((line) => line.split(':'))
  const [, , uid, gid] =
    lines.find(([name]) => name === 'postgres') ?? lines.find(([name]) => name === 'nobody') ?? []
  if (!uid || !gid) throw new Error('Running as root, PostgreSQL needs a user called postgres or nobody.')
  return { uid: Number(uid), gid: Number(gid) }
}

async function initialise(bin: string, directory: string, password: string, user: User): Promise<void> {
  const passwordFile = join(directory, 'password')
  await writeFile(passwordFile, password)
  if (user) await run('chown', ['-R', `${user.uid}:${user.gid}`, directory])
  const access = ['--username=postgres', '--auth=password', `--pwfile=${passwordFile}`]
  const form = ['--encoding=UTF8', '--locale=C', '--no-sync', '--no-instructions']
  await run(join(bin, 'initdb'), [`--pgdata=${join(directory, 'data')}`, ...access, ...form], {
    ...user,
    cwd: directory,
  })
}

/** Resolves when the server takes connections, with the function that ends it. */
async function serve(bin: string, directory: string, port: number, user: User): Promise<() => Promise<void>> {
  const settings = Object.entries({ ...SETTINGS, port }).flatMap(([name, value]) => [
    '-c',
    `${name}=${value}`,
  ])
  const command = [join(bin, 'postgres'), '-D', join(directory, 'data'), ...settings]
  const keeper = spawn('/bin/sh', ['-c', KEEPER, directory, ...command], {
    ...user,
    cwd: '/',
    detached: true,
    stdio: ['pipe', 'ignore', 'pipe'],
  })
  const gone = new Promise<void>((resolve) => keeper.once('close', () => resolve()))
  const stop = async () => {
    keeper.stdin.end()
    keeper.ref()
    await gone
  }
  if (!(await isReady(keeper.stderr))) {
    await stop()
    throw new Error('PostgreSQL did not start.')
  }
  // A test process may end without stopping it.
  keeper.unref()
  for (const stream of [keeper.stdin, keeper.stderr])
    if ('unref' in stream && typeof stream.unref === 'function') stream.unref()
  return stop
}

async function isReady(log: NodeJS.ReadableStream): Promise<boolean> {
  return await new Promise((resolve) => {
    const lines = createInterface({ input: log })
    lines.on('line', (line) => line.includes('ready to accept connections') && resolve(true))
    lines.once('close', () => resolve(false))
  })
}
