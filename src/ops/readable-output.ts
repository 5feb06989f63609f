// Owns the log in a terminal: lines that a person can read. Loaded where there is one.

import type { DestinationStream } from 'pino'
import pretty from 'pino-pretty'

/** The others are printed as JSON; a member of this name is printed in front as it is. */
const customPrettifiers = { name: (name: string | object) => JSON.stringify(name).slice(1, -1) }

/** Standard output by default. */
export function readableOutput(destination?: DestinationStream): DestinationStream {
  const lines = {
    ignore: 'reqId',
    translateTime: 'SYS:HH:MM:ss',
    singleLine: true,
    sync: true,
    customPrettifiers,
  }
  return pretty(destination ? { ...lines, destination } : lines)
}
