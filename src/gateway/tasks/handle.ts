// Owns task handles: what a client knows a task by, good for the person and app that it was made for, and nothing is stored.

import type { Caller } from '../../oauth/caller.ts'
import type { Sealer } from '../session.ts'

export interface Task {
  /** As its upstream calls it. */
  readonly id: string
  /** That it was made by, in the upstream's own words. */
  readonly tool: string
}

export interface TaskHandles {
  conceal(task: Task, caller: Caller, upstream: string): string
  /** Null for one that is somebody else's, another upstream's, altered or made up: nobody learns which. */
  reveal(handle: unknown, caller: Caller, upstream: string): Task | null
}

/** No name of an upstream has one, and no sealed text. */
const SEPARATOR = '.'

/**
 * To know a task's id is no proof of who asks (SEP-2663, "Auth binding"), and an upstream that is presented one credential for
 * everybody cannot tell. The upstream's name stands in front, so that a handle leads there from the aggregate as well.
 */
export function createTaskHandles(sealer: Sealer): TaskHandles {
  return {
    conceal({ id, tool }, caller, upstream) {
      const sealed = sealer.seal(JSON.stringify([id, tool]), ownerOf(caller, upstream))
      return upstream + SEPARATOR + sealed
    },
    reveal(handle, caller, upstream) {
      if (typeof handle !== 'string' || upstreamOfTask(handle) !== upstream) return null
      const text = sealer.open(handle.slice(upstream.length + 1), ownerOf(caller, upstream))
      return text === null ? null : taskIn(text)
    },
  }
}

/** Whose task it is, as the handle says; null for what is none. */
export function upstreamOfTask(handle: unknown): string | null {
  const end = typeof handle === 'string' ? handle.indexOf(SEPARATOR) : -1
  return typeof handle === 'string' && end > 0 ? handle.slice(0, end) : null
}

function taskIn(text: string): Task | null {
  const json: unknown = JSON.parse(text)
  const [id, tool]: readonly unknown[] = Array.isArray(json) ? json : []
  return typeof id === 'string' && typeof tool === 'string' ? { id, tool } : null
}

/** As of a session (see session.ts); the first word keeps the two apart. */
function ownerOf({ subject, clientId }: Caller, upstream: string): string {
  return JSON.stringify(['task', subject, clientId, upstream])
}
