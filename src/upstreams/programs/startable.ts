// Owns whether a program can be started at all: what its command and its cwd name is looked for as the system does it.

import { constants } from 'node:fs'
import { access, stat } from 'node:fs/promises'
import { resolve } from 'node:path'
import type { StdioUpstream } from '../settings.ts'

/** For an operator. */
export interface StartProblem {
  readonly why: string
  readonly advice: string
}

type Found = 'program' | 'not executable' | 'nothing'

const NO_DIRECTORY: StartProblem = {
  why: 'Its cwd is no directory that may be entered.',
  advice: 'Make the directory, or correct cwd of this upstream.',
}
const NOT_EXECUTABLE: StartProblem = {
  why: 'Its command may not be executed by the user that this service runs as.',
  advice: 'Make it executable (chmod +x), or correct command of this upstream.',
}
const NO_FILE: StartProblem = {
  why: 'Its command names a file that is not there.',
  advice: 'Install the program, or correct command of this upstream.',
}
const NOT_IN_PATH: StartProblem = {
  why: 'Its command is in no directory of its PATH.',
  advice: 'Install the program, let command be its whole path, or give this upstream a PATH in env.',
}

/** Null when the system would find it. Nothing is started; a script whose interpreter is missing passes. Never rejects. */
export async function startProblem({
  command,
  env,
  cwd,
}: Pick<StdioUpstream, 'command' | 'env' | 'cwd'>): Promise<StartProblem | null> {
  if (cwd !== null && !(await isDirectory(cwd))) return NO_DIRECTORY
  const isPath = command.includes('/')
  // execvp(3): in its own environment, and after it has entered its directory. An empty place is that directory.
  const places = isPath ? [''] : (env.PATH ?? '/bin:/usr/bin').split(':')
  const found = await Promise.all(places.map((place) => lookAt(resolve(cwd ?? '', place, command))))
  if (found.includes('program')) return null
  if (found.includes('not executable')) return NOT_EXECUTABLE
  return isPath ? NO_FILE : NOT_IN_PATH
}

async function isDirectory(path: string): Promise<boolean> {
  try {
    await access(path, constants.X_OK)
    return (await stat(path)).isDirectory()
  } catch {
    return false
  }
}

async function lookAt(path: string): Promise<Found> {
  try {
    if (!(await stat(path)).isFile()) return 'nothing'
  } catch {
    return 'nothing'
  }
  return await access(path, constants.X_OK).then(
    () => 'program',
    () => 'not executable',
  )
}
