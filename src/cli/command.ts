// Owns the command line: which commands there are, and that a failure is one clear line and a non-zero exit code.

import { warn } from './output.ts'
import type { Command } from './types.ts'

/** Each is loaded when it is asked for: most of the program takes no part in most commands. */
const COMMANDS: Readonly<Record<string, () => Promise<Command>>> = {
  serve: async () => (await import('./serve.ts')).serveCommand,
  migrate: async () => (await import('./migrate.ts')).migrateCommand,
  user: async () => (await import('./user.ts')).userCommand,
  client: async () => (await import('./client.ts')).clientCommand,
  key: async () => (await import('./key.ts')).keyCommand,
  keys: async () => (await import('./keys.ts')).keysCommand,
  explain: async () => (await import('./explain.ts')).explainCommand,
  upstream: async () => (await import('./upstream.ts')).upstreamCommand,
  token: async () => (await import('./token.ts')).tokenCommand,
}

const [name = 'help', ...rest] = process.argv.slice(2)
const load = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined

if (load) await run(name, await load(), rest)
else if (name === 'help' || name === '--help' || name === '-h') process.stdout.write(await overview())
else fail(`There is no command \`${name}\`. \`gatehouse help\` lists them.`)

async function run(command: string, { usage, run: act }: Command, args: readonly string[]): Promise<void> {
  if (args.includes('--help') || args.includes('-h')) return void process.stdout.write(`${usage}\n`)
  try {
    await act(args)
  } catch (error) {
    fail(told(error, command))
  }
}

/** What the parser of options says goes on about arguments that begin with a hyphen; nobody has one. */
function told(error: unknown, command: string): string {
  if (!(error instanceof Error)) return String(error)
  const isUnknownOption = 'code' in error && error.code === 'ERR_PARSE_ARGS_UNKNOWN_OPTION'
  if (!isUnknownOption) return error.message
  return `${error.message.split('. ', 1)[0]}. \`gatehouse ${command} --help\` lists what there is.`
}

async function overview(): Promise<string> {
  const lines = await Promise.all(
    Object.entries(COMMANDS).map(async ([each, loadOne]) => {
      const { summary } = await loadOne()
      return `  gatehouse ${each.padEnd(10)} ${summary}`
    }),
  )
  return `Gatehouse: an OAuth 2.1 authorization server and MCP gateway\n\n${lines.join('\n')}\n\nEach has --help.\n`
}

function fail(line: string): void {
  warn(line)
  process.exitCode = 1
}
