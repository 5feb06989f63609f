// Owns what every target of a run is built from.

import type { Teardown } from '../../support/database.ts'
import type { BenchUpstream } from './upstream.ts'

export interface Stage {
  readonly t: Teardown
  /** For configurations, logs and sockets; removed at the end. */
  readonly directory: string
  readonly upstream: BenchUpstream
  /** That Gatehouse goes by, and that every request names. */
  readonly host: string
  /** The public keys of Gatehouse, whose tokens all targets get. */
  readonly jwksFile: string
  /** The one that signs, as PEM. */
  readonly keyFile: string
}
