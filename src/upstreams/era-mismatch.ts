// Owns the failure of asking an upstream in the wrong era, so that it can be asked in the other one.

import { PeerFailure } from '../mcp/peer.ts'
import type { RpcError } from '../mcp/rpc.ts'

/** The upstream refused a request unread, as a server of another era would. Nothing was done. */
export class EraMismatch extends PeerFailure {
  /** What it said, should it turn out to speak the era after all. */
  readonly error: RpcError | null

  constructor(error: RpcError | null) {
    super('answer')
    this.name = 'EraMismatch'
    this.error = error
  }
}
