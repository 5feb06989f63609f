// Owns what the Dockerfile and .dockerignore say, read for tests.

import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { ROOT, readProject } from './project.ts'

export interface Instruction {
  /** `COPY` */
  readonly name: string
  /** What follows, on one line. */
  readonly text: string
}

export interface Stage {
  /** What follows FROM. */
  readonly base: string
  readonly instructions: readonly Instruction[]
}

/** The stages of the Dockerfile, with continued lines joined and comments left out. */
export function dockerStages(): readonly Stage[] {
  const lines = readProject('Dockerfile')
    .replaceAll(/^#.*\n/gm, '')
    .replaceAll(/\\\n\s*/g, '')
    .split('\n')
    .filter((line) => line.trim() !== '')
  const stages: { base: string; instructions: Instruction[] }[] = []
  for (const line of lines) {
    const [, name = '', text = ''] = /^([A-Z]+)\s+(.*)$/.exec(line) ?? []
    if (name === 'FROM') stages.push({ base: text, instructions: [] })
    else stages.at(-1)?.instructions.push({ name, text })
  }
  return stages
}

/** All instructions of one name in a stage. */
export function textsOf({ instructions }: Stage, name: string): readonly string[] {
  return instructions.filter((instruction) => instruction.name === name).map(({ text }) => text)
}

/** The sources of the COPY instructions that take from the build context, not from another stage. */
export function copiedSources(stage: Stage): readonly string[] {
  return textsOf(stage, 'COPY')
    .filter((text) => !text.startsWith('--from='))
    .flatMap((text) => text.split(/\s+/).slice(0, -1))
    .map((source) => source.replace(/^\.\//, ''))
}

/** The files that Docker is sent: .dockerignore is a list of what to leave out, and with `!` of what to keep all the same. */
export function contextFiles(directory = ''): readonly string[] {
  return readdirSync(join(ROOT, directory), { withFileTypes: true }).flatMap((entry) => {
    const path = join(directory, entry.name)
    if (entry.isDirectory()) return mayHold(path) ? contextFiles(path) : []
    return isKept(path) ? [path] : []
  })
}

const rules = readProject('.dockerignore')
  .split('\n')
  .filter((line) => line !== '' && !line.startsWith('#'))
  .map((line) => ({ keeps: line.startsWith('!'), pattern: line.replace(/^!/, '') }))

/** Only what this project's file has: `*`, and plain paths. */
for (const { pattern } of rules) {
  if (pattern !== '*' && /[*?[]/.test(pattern))
    throw new Error(`.dockerignore: ${pattern} is not understood here`)
}

/** The last rule that fits decides. */
function isKept(path: string): boolean {
  const last = rules.findLast(({ pattern }) => pattern === '*' || isWithin(path, pattern))
  return last === undefined || last.keeps
}

function mayHold(directory: string): boolean {
  return isKept(directory) || rules.some(({ keeps, pattern }) => keeps && isWithin(pattern, directory))
}

function isWithin(path: string, directory: string): boolean {
  return path === directory || path.startsWith(`${directory}/`)
}
