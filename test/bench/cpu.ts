// Owns reading from Linux what CPU time and memory a process and its children have used.

import { readdir, readFile } from 'node:fs/promises'

/** Linux counts CPU time in hundredths of a second. */
const TICK_MICROS = 10_000

export type CpuMicros = ReadonlyMap<number, number>

/** By process. One that has ended is left out. */
export async function cpuMicros(pids: readonly number[]): Promise<CpuMicros> {
  const micros = new Map<number, number>()
  for (const pid of pids) {
    const fields = await statOf(pid)
    // User and system time.
    if (fields !== null) micros.set(pid, (Number(fields[11]) + Number(fields[12])) * TICK_MICROS)
  }
  return micros
}

/** What was spent between two readings, by those that are in the second. */
export function spentSince(before: CpuMicros, after: CpuMicros): number {
  return [...after].reduce((sum, [pid, micros]) => sum + micros - (before.get(pid) ?? 0), 0)
}

/** These processes, their children, and the children of those. */
export async function withChildren(roots: readonly number[]): Promise<readonly number[]> {
  const parents = new Map<number, number>()
  for (const entry of await readdir('/proc')) {
    const pid = Number(entry)
    if (Number.isInteger(pid)) parents.set(pid, Number((await statOf(pid))?.[1] ?? 0))
  }
  const family = new Set(roots)
  // Again until nobody is added: children may stand before their parents.
  for (let size = 0; size < family.size; ) {
    size = family.size
    for (const [pid, parent] of parents) if (family.has(parent)) family.add(pid)
  }
  return [...family]
}

/** Resident memory of all of them together, in bytes. */
export async function residentBytes(pids: readonly number[]): Promise<number> {
  let bytes = 0
  for (const pid of pids) {
    const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '')
    bytes += Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1] ?? 0) * 1024
  }
  return bytes
}

/** The fields behind the name, which stands in parentheses and may hold anything. */
async function statOf(pid: number): Promise<readonly string[] | null> {
  const line = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => null)
  return line === null ? null : line.slice(line.lastIndexOf(')') + 2).split(' ')
}
