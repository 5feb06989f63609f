// Owns a program that is an upstream: started in a group of its own, heard line by line, and ended with everything it started.

import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process'
import { once } from 'node:events'
import { PeerFailure } from '../../mcp/peer.ts'
import { endGroup, type Patience } from './group.ts'
import { startProblem } from './startable.ts'

export interface ProgramSettings {
  readonly command: string
  readonly args: readonly string[]
  /** All of it: nothing of our own environment is added. */
  readonly env: Readonly<Record<string, string>>
  readonly cwd: string | null
}

export interface Program {
  /** Of its process, and of the group that it leads. */
  readonly pid: number
  readonly child: ChildProcessWithoutNullStreams
  /** How it ended, for the log. Never rejects. */
  readonly ended: Promise<string>
  /** Ends the whole group. Never rejects; asking again waits for the same end. */
  stop(patience: Patience): Promise<void>
}

const LAST_WORDS_MS = 250
const NOT_STARTED = 'The program of this server cannot be started.'

/**
 * No shell: the arguments arrive as they are configured. Rejects with a `PeerFailure` when it cannot be started, and then
 * nothing runs.
 */
export async function startProgram(settings: ProgramSettings): Promise<Program> {
  const { command, args, env, cwd } = settings
  const child = spawn(command, [...args], {
    env,
    ...(cwd !== null && { cwd }),
    // A session and a group of its own (setsid(2)), so that a signal reaches what it starts as well.
    detached: true,
    shell: false,
    windowsHide: true,
    stdio: ['pipe', 'pipe', 'pipe'],
  })
  // A pipe that breaks is told by the end of the program; unheard, it would be the end of ours.
  for (const stream of [child.stdin, child.stdout, child.stderr]) stream.on('error', () => undefined)
  const ended = endOf(child)
  try {
    await once(child, 'spawn')
  } catch (cause) {
    const problem = (await startProblem(settings))?.why ?? 'Look at its command, at PATH, and at its cwd.'
    const why = new Error(`The program cannot be started${codeIn(cause)}. ${problem}`, { cause })
    throw new PeerFailure('unreachable', { cause: why, description: NOT_STARTED })
  }
  const { pid } = child
  if (pid === undefined) throw new PeerFailure('unreachable')
  let stopping: Promise<void> | undefined
  return {
    pid,
    child,
    ended,
    stop(patience) {
      stopping ??= stop(child, pid, patience)
      return stopping
    },
  }
}

/** Without the words of the system, which repeat the command. */
function codeIn(error: unknown): string {
  return error instanceof Error && 'code' in error ? ` (${error.code})` : ''
}

/** Its last words may still be on their way when it has ended; what it left behind may keep its output open for ever. */
function endOf(child: ChildProcessWithoutNullStreams): Promise<string> {
  return new Promise((resolve) => {
    child.once('error', () => resolve('it could not be started'))
    child.once('exit', (code, signal) => {
      const how = signal === null ? `it ended with code ${code}` : `it ended by ${signal}`
      const late = setTimeout(() => resolve(how), LAST_WORDS_MS)
      child.once('close', () => {
        clearTimeout(late)
        resolve(how)
      })
    })
  })
}

/** MCP 2025-11-25, "Shutdown": its input is closed first, which is how a program learns that it is not needed any more. */
async function stop(
  child: ChildProcessWithoutNullStreams,
  pid: number,
  { politeMs, graceMs }: Patience,
): Promise<void> {
  child.stdin.end()
  // What it left behind has no input that could be closed.
  const polite = child.exitCode === null && child.signalCode === null ? politeMs : 0
  await endGroup(pid, { politeMs: polite, graceMs })
  for (const stream of [child.stdin, child.stdout, child.stderr]) stream.destroy()
  child.unref()
}
