// Owns Gatehouse as a process that holds the renewal of a login at an upstream for seconds only, so that a test can wait for its end.

import { start } from '../../src/main.ts'

await start({}, { upstreamLeaseSeconds: 3 })
