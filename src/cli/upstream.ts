// Owns `gatehouse upstream`: which upstreams are configured, telling the service to look again, and the logins at them.

import { parseArgs } from 'node:util'
import { RELOAD_ADDRESS } from '../app-reload.ts'
import { type Config, loadConfig, loadSecrets, type UpstreamConfig } from '../config/config.ts'
import { readEnvironment } from '../config/env.ts'
import { openDatabase, reach } from '../storage/database.ts'
import { holderOf } from '../storage/directory-lock.ts'
import { openMailbox } from '../storage/mailbox.ts'
import { createKeyring } from '../storage/sealing.ts'
import { startProblem } from '../upstreams/programs/startable.ts'
import { print, printList, warn } from './output.ts'
import type { Command } from './types.ts'
import { type Desk, type LoginOptions, login, logout, withConnections } from './upstream-login.ts'
import { status } from './upstream-status.ts'

const OPTIONS = {
  user: { type: 'string' },
  shared: { type: 'boolean' },
  flow: { type: 'string' },
  json: { type: 'boolean' },
} as const

const USAGE =
  'Say `gatehouse upstream list`, `reload` or `status`, or `gatehouse upstream login` or `logout` with the NAME of one.'

type Action = (config: Config, json: boolean | undefined) => Promise<void> | void

const ACTIONS: Readonly<Record<string, Action>> = { list, reload }

export const upstreamCommand: Command = {
  summary: 'Show the upstreams, have them read again, and log in at them',
  usage: `Usage: gatehouse upstream list [--json]
       gatehouse upstream reload [--json]
       gatehouse upstream login NAME --user EMAIL | --shared [--flow browser|device] [--json]
       gatehouse upstream logout NAME --user EMAIL | --shared [--json]
       gatehouse upstream status [--user EMAIL] [--json]

list    the upstreams as they are written down now. When something is wrong with them, says what, all of it; also of a program that
        cannot be started here.
reload  the same check, then tells the running service to read them again, and the policy with them: with PostgreSQL every
        replica, each its own files; with the embedded database the process on this machine.
login   at an upstream that wants it: prints the link to open; with --flow device, a code to enter on another device, and waits
        until that is done. --shared is for upstreams whose login everybody shares. What is given is sealed, and never shown.
logout  forgets the login, and revokes it over there where that is possible.
status  whose logins there are, in which state, since when, when they were last used, and for what.

A running service follows the files that its upstreams and its policy come from by itself, within seconds. What stands in
.env is read again at \`reload\`, or when a process gets SIGHUP. With the embedded database, stop the service first for login, logout and status.`,
  async run(args) {
    const { values, positionals } = parseArgs({
      args: [...args],
      options: OPTIONS,
      allowPositionals: true,
      strict: true,
    })
    const [name = '', upstream, ...more] = positionals
    const isOfLogins = ['login', 'logout', 'status'].includes(name)
    if (isOfLogins && more.length === 0)
      return withConnections((desk) => actOnLogins(desk, name, upstream, values))
    const action = Object.hasOwn(ACTIONS, name) ? ACTIONS[name] : undefined
    if (!action || positionals.length > 1) throw new Error(USAGE)
    await action(loadConfig(readEnvironment()), values.json)
  },
}

async function actOnLogins(
  desk: Desk,
  action: string,
  upstream: string | undefined,
  options: LoginOptions,
): Promise<void> {
  if (action === 'status' && upstream === undefined) return status(desk, options)
  if (action === 'status' || upstream === undefined) throw new Error(USAGE)
  await (action === 'login' ? login : logout)(desk, upstream, options)
}

async function list({ upstreams }: Config, json: boolean | undefined): Promise<void> {
  const shown = await Promise.all(
    upstreams.map(async (upstream) => ({
      name: upstream.name,
      title: upstream.title,
      kind: upstream.kind ?? 'http',
      at: placeOf(upstream),
      problem: upstream.kind === 'stdio' ? await startProblem(upstream) : null,
    })),
  )
  for (const { name, problem } of shown) if (problem) warn(`${name}: ${problem.why} ${problem.advice}`)
  const rows = shown.map(({ name, kind, at, title }) => [name, kind, at, title])
  printList(shown, json, rows, 'There are none, so the service starts with the demo upstream.')
}

/** No more than is no secret: paths, queries and arguments may hold keys. */
function placeOf(upstream: UpstreamConfig): string {
  switch (upstream.kind) {
    case 'stdio':
      return upstream.command
    case 'openapi':
      return upstream.url === null ? 'where its document says' : new URL(upstream.url).origin
    default:
      return new URL(upstream.url).origin
  }
}

async function reload(config: Config, json: boolean | undefined): Promise<void> {
  const { database, upstreams } = config
  const told =
    database.kind === 'postgres' ? await tellReplicas(config) : await tellProcess(database.directory)
  const line = `Told ${told} to read them again; its log says what became of it. Configured here: ${upstreams.length}.`
  print({ told, upstreams: upstreams.length }, json, [line])
}

async function tellProcess(directory: string): Promise<string> {
  const pid = await holderOf(directory)
  if (pid === null) throw new Error('The service does not run on this machine with this DATA_DIR.')
  process.kill(pid, 'SIGHUP')
  return `process ${pid}`
}

/** Each reads what it has itself. */
async function tellReplicas(config: Config): Promise<string> {
  const { secretKeys } = await loadSecrets(readEnvironment(), config)
  const storage = await openDatabase(config.database)
  try {
    await reach(storage)
    const mailbox = await openMailbox({
      storage,
      keyring: createKeyring(secretKeys),
      report: () => undefined,
    })
    await mailbox.send(RELOAD_ADDRESS, {}).finally(() => mailbox.close())
  } finally {
    await storage.close()
  }
  return 'every replica'
}
