// Owns `gatehouse serve`, which is what `npm start` runs.

import { parseArgs } from 'node:util'
import { FLAG_OPTIONS } from '../config/flags.ts'
import { start } from '../main.ts'
import type { Command } from './types.ts'

export const serveCommand: Command = {
  summary: 'Run the service',
  usage: `Usage: gatehouse serve [--host HOST] [--port PORT] [--log-level LEVEL]

Runs the authorization server and the gateway. Everything else is set by environment variables, see docs/configuration.md.`,
  async run(args) {
    const { values } = parseArgs({ args: [...args], options: FLAG_OPTIONS, strict: true })
    await start(values)
  },
}
