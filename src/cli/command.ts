// Owns the command line: which commands there are, and that a failure is one clear line and a non-zero exit code.

import { keysCommand } from './keys.ts'
import { migrateCommand } from './migrate.ts'
import { serveCommand } from './serve.ts'
import { tokenCommand } from './token.ts'
import type { Command } from './types.ts'
import { userCommand } from './user.ts'

const COMMANDS: Readonly<Record<string, Command>> = {
  serve: serveCommand,
  migrate: migrateCommand,
  user: userCommand,
  keys: keysCommand,
  token: tokenCommand,
}

const [name = 'help', ...rest] = process.argv.slice(2)
const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined

if (command) await run(command, rest)
else if (name === 'help' || name === '--help' || name === '-h') process.stdout.write(overview())
else fail(`There is no command \`${name}\`. \`gatehouse help\` lists them.`)

async function run({ usage, run: act }: Command, args: readonly string[]): Promise<void> {
  if (args.includes('--help') || args.includes('-h')) return void process.stdout.write(`${usage}\n`)
  try {
    await act(args)
  } catch (error) {
    fail(error instanceof Error ? error.message : String(error))
  }
}

function overview(): string {
  const lines = Object.entries(COMMANDS).map(
    ([each, { summary }]) => `  gatehouse ${each.padEnd(10)} ${summary}`,
  )
  return `Gatehouse: an OAuth 2.1 authorization server and MCP gateway\n\n${lines.join('\n')}\n\nEach has --help.\n`
}

function fail(line: string): void {
  process.stderr.write(`${line}\n`)
  process.exitCode = 1
}
