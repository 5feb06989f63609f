// Owns the signals that end the process: one begins the end, another one later is an end at once.

const STOP = ['SIGINT', 'SIGTERM'] as const
/**
 * A terminal sends its signal to everybody who runs in it, and so does a service manager. npm and our launcher pass theirs on
 * as well: what comes right after the first one is the same one.
 */
const ECHO_MS = 1_000

/** Calls `stop` once. Whoever asks again after that second has waited long enough: the process ends as by default. */
export function onStopSignal(stop: (signal: NodeJS.Signals) => void): void {
  const echo = () => undefined
  const first = (signal: NodeJS.Signals) => {
    for (const each of STOP) process.on(each, echo).off(each, first)
    setTimeout(() => STOP.forEach((each) => void process.off(each, echo)), ECHO_MS).unref()
    stop(signal)
  }
  for (const each of STOP) process.on(each, first)
}
