// Owns how programs end with the service: when it is told to stop, and when it is killed.

import t from 'tap'
import { openSession, post, request } from '../demo/wire.ts'
import { createBrowser } from '../support/browser.ts'
import { PASSWORD } from '../support/gatehouse.ts'
import { serve, usedDataDir } from '../support/process.ts'
import { running, server } from '../support/programs/program-upstream.ts'
import { connect } from '../support/sign-in.ts'
import { until } from '../support/until.ts'

const ADMIN = 'admin@example.com'

for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
  t.test(`a program ends with the service, and what it started: ${signal}`, async (t) => {
    const mark = `mark-${process.pid}-${signal}`
    const { command = '', args: [file = ''] = [] } = server('v1-server')
    // What it starts waits for the end of its input, as every program of this kind has to.
    const script = 'sh -c "cat >/dev/null; : $0" "$3" <&0 & exec "$1" "$2" "$3"'
    const gatehouse = await serve(t, {
      DATA_DIR: await usedDataDir(t),
      ADMIN_EMAIL: ADMIN,
      ADMIN_PASSWORD: PASSWORD,
      SHUTDOWN_GRACE: '1s',
      LOG_LEVEL: 'debug',
      UPSTREAM_TOOLS_COMMAND: 'sh',
      UPSTREAM_TOOLS_ARGS: JSON.stringify([
        '-c',
        signal === 'SIGKILL' ? 'exec "$1" "$2" "$3"' : script,
        'script',
        command,
        file,
        mark,
      ]),
    })
    const { origin } = gatehouse
    const mcp = `${origin}/mcp`
    const { accessToken } = await connect(origin, createBrowser(origin), ADMIN)
    const session = await openSession(mcp, { authorization: `Bearer ${accessToken}` })
    const answer = await post(mcp, request(7, 'tools/call', { name: 'environment', arguments: {} }), session)
    const text = await answer.text()
    t.match(text, /PATH/)
    t.notMatch(text, /ADMIN_PASSWORD|DATA_DIR/)
    t.ok(running(mark) >= (signal === 'SIGKILL' ? 1 : 2), 'it runs')

    gatehouse.signal(signal)
    await gatehouse.ended
    await until('nothing is left', () => running(mark) === 0)
    t.match(gatehouse.stdout(), /the v1 program is ready/)
  })
}
