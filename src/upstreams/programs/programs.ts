// Owns the programs that run: started within limits, logged, and all ended when Gatehouse ends.

import { setTimeout as sleep } from 'node:timers/promises'
import { PeerFailure } from '../../mcp/peer.ts'
import type { StdioUpstream } from '../registry.ts'
import { killGroup, type Patience } from './group.ts'
import { createLineReader } from './lines.ts'
import { type Program, startProgram } from './program.ts'
import { createStarts, FIRST_PAUSE_MS, type StartLimits } from './starts.ts'

export interface ProgramLog {
  /** A line of its standard error, which may hold anything. */
  wrote(upstream: string, line: string): void
  /** It ended, and nobody had asked it to. */
  died(upstream: string, how: string): void
}

export interface ProgramNeeds {
  readonly log: ProgramLog
  readonly limits?: Partial<StartLimits>
  readonly patience?: Partial<Patience>
  /** Milliseconds. */
  readonly clock?: () => number
}

export interface RunningProgram extends Pick<Program, 'child' | 'ended'> {
  /** `faulty`: the next one waits, as if this one had ended by itself. */
  stop(why?: 'unused' | 'faulty'): Promise<void>
}

export interface Programs {
  /** Rejects with a `PeerFailure` when it cannot be started, or not now, or with the signal's reason. */
  start(upstream: StdioUpstream, signal?: AbortSignal): Promise<RunningProgram>
  /** Ends every one. */
  close(): Promise<void>
}

const LIMITS: StartLimits = { maxPerUpstream: 64, maxTotal: 256 }
const PATIENCE: Patience = { politeMs: 500, graceMs: 5_000 }
/** The process is about to end as well, and has a few seconds for everything. */
const LAST_GRACE_MS = 3_000
/** A timer may go off when the clock does not have its moment yet. */
const EARLY_MS = 5
const STDERR_LINE_BYTES = 4 * 1024
const STDERR_LINES_PER_SECOND = 100

export function createPrograms({ log, limits, patience, clock = Date.now }: ProgramNeeds): Programs {
  const starts = createStarts({ ...LIMITS, ...limits }, clock)
  const patient = { ...PATIENCE, ...patience }
  const running = new Map<Program, RunningProgram['stop']>()
  let closing = false
  const killAll = () => {
    for (const { pid } of running.keys()) killGroup(pid)
  }
  process.once('exit', killAll)

  async function start(upstream: StdioUpstream, signal?: AbortSignal): Promise<RunningProgram> {
    await restOver(upstream, signal)
    if (closing) throw new PeerFailure('unreachable')
    const place = starts.take(upstream)
    const program = await startProgram(upstream).catch((error: unknown) => {
      place.leave('died')
      throw error
    })
    let state: 'running' | 'unused' | 'faulty' = 'running'
    const stop: RunningProgram['stop'] = (why = 'unused') => {
      if (state === 'running') state = why
      return program.stop(
        closing ? { ...patient, graceMs: Math.min(patient.graceMs, LAST_GRACE_MS) } : patient,
      )
    }
    running.set(program, stop)
    readStderr(program, upstream.name)
    void program.ended.then(async (how) => {
      if (state === 'running') log.died(upstream.name, how)
      place.leave(state === 'unused' ? 'stopped' : 'died')
      // It may have left behind what it had started.
      await stop()
      running.delete(program)
    })
    return { child: program.child, ended: program.ended, stop }
  }

  /**
   * A rest that is nearly over is waited for: a program may end at the first word of an era that it does not speak
   * (MCP 2026-07-28, basic/transports/stdio.mdx, "Backward Compatibility"), and whoever called is not to notice.
   */
  async function restOver(upstream: StdioUpstream, signal?: AbortSignal): Promise<void> {
    const rest = starts.restOf(upstream)
    if (rest === 0 || rest > FIRST_PAUSE_MS) return
    await sleep(rest + EARLY_MS, undefined, signal && { signal }).catch(() => signal?.throwIfAborted())
  }

  function readStderr({ child }: Program, upstream: string): void {
    let second = 0
    let lines = 0
    const read = createLineReader({ maxBytes: STDERR_LINE_BYTES, whenTooLong: 'cut' }, (line) => {
      const now = Math.floor(clock() / 1000)
      lines = now === second ? lines + 1 : 1
      second = now
      if (lines <= STDERR_LINES_PER_SECOND) log.wrote(upstream, line)
    })
    child.stderr.on('data', read)
  }

  return {
    start,
    async close() {
      closing = true
      await Promise.all([...running.values()].map((stop) => stop()))
      process.off('exit', killAll)
    },
  }
}
