// Owns that an operator reads at the start, and after each change, which upstreams cannot be used, why, and what to do.

import t from 'tap'
import { build } from '../support/gatehouse.ts'
import { until } from '../support/until.ts'

t.test(
  'a missing program and a document that is none are said at the start and at a reload, in a line each',
  async (t) => {
    const directory = t.testdir({ 'api.json': '{ "openapi": "3.1.0",\n  "info" }', 'data.txt': '' })
    const good = { command: 'cat' }
    const missing = { command: 'no-such-program-here' }
    const env = { UPSTREAMS: JSON.stringify({ good, missing, api: { openapi: `${directory}/api.json` } }) }
    const { origin, log, reload } = await build(t, { env })
    const warnings = () =>
      log()
        .split('\n')
        .filter((line) => line.includes('"level":40'))
        .map((line): { upstream?: string } => JSON.parse(line))
    const warningOf = (name: string) => warnings().filter(({ upstream }) => upstream === name)

    t.equal((await fetch(`${origin}/healthz`)).status, 200, 'it starts all the same')
    await until('both are said', () => warningOf('missing').length + warningOf('api').length === 2)
    t.match(warningOf('missing'), [
      {
        command: missing.command,
        why: /no directory of its PATH/,
        advice: /Install/,
        msg: 'a program cannot be started',
      },
    ])
    t.match(warningOf('api'), [
      {
        part: 'line 2, column 10',
        why: 'The document is not JSON.',
        advice: /^Correct the document/,
        msg: 'an OpenAPI document cannot be used',
      },
    ])
    t.notMatch(JSON.stringify(warnings()), '"stack"')

    env.UPSTREAMS = JSON.stringify({ good, other: { command: `${directory}/data.txt` } })
    t.match(reload(), { kind: 'reloaded' })
    await until('the new one is said', () => warningOf('other').length > 0)
    t.match(warningOf('other'), [{ why: /may not be executed/, advice: /chmod/ }])
    t.same(warningOf('good'), [])
  },
)
