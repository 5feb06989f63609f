// Owns what is given back once the service runs.

import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

/** Loading and compiling leaves some thirty megabytes of garbage, which V8 would keep until there is a load. */
export function collectAfterStart(): void {
  setFlagsFromString('--expose-gc')
  const collect: unknown = runInNewContext('gc')
  if (typeof collect === 'function') collect()
}
