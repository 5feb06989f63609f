// Owns programs as upstreams in tests: the settings that start them, and a look at the process table.

import { execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { StdioSettings, StdioUpstream } from '../../../src/upstreams/settings.ts'
import { createUpstream } from '../../../src/upstreams/settings.ts'

const OWN_PATH = process.env.PATH ?? ''

export function programSettings(settings: Partial<StdioSettings> = {}): StdioSettings {
  const env = { PATH: OWN_PATH }
  return {
    kind: 'stdio',
    name: 'tools',
    title: 'Tools',
    command: 'cat',
    args: [],
    env,
    cwd: null,
    shared: false,
    ...settings,
  }
}

export function programUpstream(settings: Partial<StdioSettings> = {}): StdioUpstream {
  const upstream = createUpstream(programSettings(settings))
  if (upstream.kind !== 'stdio') throw new Error('not a program')
  return upstream
}

/** A shell script, with the words after it as `$1`, `$2` … */
export function script(text: string, ...words: readonly string[]): Partial<StdioSettings> {
  return { command: 'sh', args: ['-c', text, 'script', ...words] }
}

/** One of the servers beside this file. */
export function server(name: 'v1-server' | 'v2-server' | 'modern-server'): Partial<StdioSettings> {
  return { command: process.execPath, args: [fileURLToPath(new URL(`${name}.ts`, import.meta.url))] }
}

/** How many processes have this text in their command line; those that ended and were not collected yet have none. */
export function running(text: string): number {
  const table = execFileSync('ps', ['-e', '-o', 'pid=,stat=,args='], { encoding: 'utf8' })
  return table.split('\n').filter((line) => line.includes(text)).length
}
