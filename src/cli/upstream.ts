// Owns `gatehouse upstream`: which upstreams are configured, whether that is in order, and telling the service to look again.

import { parseArgs } from 'node:util'
import { RELOAD_ADDRESS } from '../app-reload.ts'
import { type Config, loadConfig, loadSecrets, type UpstreamConfig } from '../config/config.ts'
import { readEnvironment } from '../config/env.ts'
import { openDatabase } from '../storage/database.ts'
import { holderOf } from '../storage/directory-lock.ts'
import { openMailbox } from '../storage/mailbox.ts'
import { createKeyring } from '../storage/sealing.ts'
import { print, table } from './output.ts'
import type { Command } from './types.ts'

const OPTIONS = { json: { type: 'boolean' } } as const

type Action = (config: Config, json: boolean | undefined) => Promise<void> | void

const ACTIONS: Readonly<Record<string, Action>> = { list, reload }

export const upstreamCommand: Command = {
  summary: 'Show the upstreams, and have them read again',
  usage: `Usage: gatehouse upstream list [--json]
       gatehouse upstream reload [--json]

list    the upstreams as they are written down now. When something is wrong with them, says what, all of it.
reload  the same check, then tells the running service to read them again: with PostgreSQL every replica, each its own files;
        with the embedded database the process on this machine.

A running service follows the files that its upstreams come from by itself, within seconds. What stands in .env is read again
at \`reload\`, or when a process gets SIGHUP.`,
  async run(args) {
    const { values, positionals } = parseArgs({
      args: [...args],
      options: OPTIONS,
      allowPositionals: true,
      strict: true,
    })
    const [name = ''] = positionals
    const action = Object.hasOwn(ACTIONS, name) ? ACTIONS[name] : undefined
    if (!action || positionals.length > 1)
      throw new Error('Say `gatehouse upstream list` or `gatehouse upstream reload`.')
    await action(loadConfig(readEnvironment()), values.json)
  },
}

function list({ upstreams }: Config, json: boolean | undefined): void {
  const shown = upstreams.map((upstream) => ({
    name: upstream.name,
    title: upstream.title,
    kind: upstream.kind ?? 'http',
    at: placeOf(upstream),
  }))
  const lines = table(shown.map(({ name, kind, at, title }) => [name, kind, at, title]))
  print(
    shown,
    json,
    lines.length > 0 ? lines : ['There are none, so the service starts with the demo upstream.'],
  )
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
