// Owns standard output as the place of the log: the lines of one turn are written together, and no call waits for who does not read them.

import { createPatientWriter } from './patient-writer.ts'

export interface Output {
  write(line: string): void
  /** Writes what is there, as far as it is taken. */
  flushSync(): void
  /** How many lines there was no room for so far. */
  lost(): number
}

/** Writing is most of what a line costs, and costs the same for many. More than this does not wait for the others. */
const MOST_TOGETHER = 64 * 1024
/** Bytes held for a reader that has stalled: tens of thousands of lines. Those that come then are lost, and counted. */
const MOST_HELD = 8 * 1024 * 1024
/** Lines are taken again once there is so much room, so that what says how many are missing is one line, and not every second. */
const ROOM_AGAIN = MOST_HELD / 2
/** Until a reader that has stalled is tried again: at first, and at most. */
const PAUSE_MS = { first: 10, most: 250 }
/** How long the end of the process waits for a reader that is slow, and how long before it looks again. */
const END_MS = 5_000
const END_PAUSE_MS = 10

/**
 * Writes at the end of each turn. What a pipe that nobody reads or a full disk does not take is held and tried again; when the
 * process exits, whatever the reason, it has END_MS to be taken. What SIGKILL takes is this, or one turn.
 */
export function openOutput(): Output {
  // Node makes the stream at the first look, and with it a pipe one that does not wait (O_NONBLOCK).
  const { stdout } = process
  // The banner is written there too, and not worth the process.
  stdout.on('error', () => undefined)
  const writer = createPatientWriter(stdout.fd)
  let lines = ''
  let lost = 0
  /** Of them, those that no line has told of yet. */
  let untold = 0
  let pauseMs = PAUSE_MS.first
  let timer: NodeJS.Timeout | null = null

  const attempt = (): boolean => {
    const gathered = lines
    lines = ''
    const isTaking = writer.write(gathered)
    if (untold > 0 && writer.held() <= ROOM_AGAIN) {
      lines = lossLine(untold)
      untold = 0
    }
    return isTaking
  }
  const isDone = () => writer.held() === 0 && lines === ''
  const tryAgain = () => {
    timer = null
    pauseMs = attempt() ? PAUSE_MS.first : Math.min(pauseMs * 2, PAUSE_MS.most)
    tryLater()
  }
  const tryLater = () => {
    // It keeps no process alive: at its end there is one more attempt.
    if (timer === null && !isDone()) timer = setTimeout(tryAgain, pauseMs).unref()
  }
  const flushSync = () => {
    // Meanwhile a few large pieces are held, not one for each turn.
    if (timer !== null && lines.length <= MOST_TOGETHER) return
    attempt()
    tryLater()
  }
  process.on('exit', () => {
    const end = performance.now() + END_MS
    for (attempt(); !isDone() && writer.isAwaited() && performance.now() < end; attempt()) sleep(END_PAUSE_MS)
  })
  return {
    write(line) {
      if (untold > 0 || writer.held() > MOST_HELD) {
        untold += 1
        lost += 1
        return
      }
      if (lines === '') setImmediate(flushSync)
      lines += line
      if (lines.length > MOST_TOGETHER) flushSync()
    },
    flushSync,
    lost: () => lost,
  }
}

/** In the form of the others. */
function lossLine(lines: number): string {
  const msg = 'standard output was not read, and lines of the log were lost'
  return `${JSON.stringify({ level: 40, time: Date.now(), lines, msg })}\n`
}

/** Nothing else runs meanwhile, for there is nothing else left. */
function sleep(milliseconds: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, milliseconds)
}
