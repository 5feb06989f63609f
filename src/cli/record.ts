// Owns the record of what a command changed: the same events as in the browser, for the log of the service.

import { userInfo } from 'node:os'
import type { CommandEventName } from '../ops/audit.ts'
import { note } from '../storage/command-events.ts'
import type { Database } from '../storage/database.ts'

/** Once it is done. The service may be stopped now, and a terminal is no place for a record: see `commandDone` in audit.ts. */
export async function record(
  db: Database,
  event: CommandEventName,
  members: Readonly<Record<string, unknown>>,
): Promise<void> {
  await note(db, event, { ...members, by: 'command', operator: operator() })
}

/** Who is logged in on this machine; null where that has no name, as in some containers. */
function operator(): string | null {
  try {
    return userInfo().username
  } catch {
    return null
  }
}
