// Owns wrk: calls with tokens out of a file, as fast as they are answered or at a rate, and what came of it.

import { execFile } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { LOAD_CORE, PATH } from './machine.ts'
import { FAST_CALL } from './request.ts'
import type { Stage } from './stage.ts'

const run = promisify(execFile)

export interface Load {
  readonly url: string
  readonly tokensFile: string
  readonly clients: number
  readonly seconds: number
  /** The place in the file to begin at. */
  readonly firstToken?: number
  /** Calls a second, of all clients together; as many as are answered without it. */
  readonly rate?: number
}

export interface Answered {
  readonly requests: number
  readonly seconds: number
  readonly p50Ms: number
  readonly p99Ms: number
}

/** `seconds` after the first tokens were read; the times between two calls are random, or all clients would call at once. */
const SCRIPT = `
local requests, at, pause = {}, 0, 0
function init(args)
  at, pause = tonumber(args[2]), tonumber(args[3])
  local headers = {Host = args[4], ${Object.entries(FAST_CALL.headers)
    .map(([name, value]) => `[${JSON.stringify(name)}] = ${JSON.stringify(value)}`)
    .join(', ')}}
  local body = [[${FAST_CALL.body}]]
  for token in io.lines(args[1]) do
    headers['authorization'] = 'Bearer ' .. token
    requests[#requests + 1] = wrk.format('POST', nil, headers, body)
  end
  if pause > 0 then
    delay = function() return math.random(0, 2 * pause) end
  end
end
function request()
  at = at + 1
  return requests[(at - 1) % #requests + 1]
end
function done(summary, latency)
  local failed = summary.errors.status + summary.errors.connect + summary.errors.read + summary.errors.write + summary.errors.timeout
  io.write(string.format('\\n{"requests":%d,"micros":%d,"failed":%d,"p50":%d,"p99":%d}\\n',
    summary.requests, summary.duration, failed, latency:percentile(50), latency:percentile(99)))
end
`

/** `(load) => Answered`; rejects when a single call fails. */
export async function prepareWrk({
  directory,
  host,
}: Pick<Stage, 'directory' | 'host'>): Promise<(load: Load) => Promise<Answered>> {
  const script = join(directory, 'call.lua')
  await writeFile(script, SCRIPT)
  return async ({ url, tokensFile, clients, seconds, firstToken = 0, rate }) => {
    const pauseMs = rate === undefined ? 0 : Math.max(1, Math.round((clients * 1000) / rate))
    const load = ['-t', '1', '-c', String(clients), '-d', `${seconds}s`, '--timeout', '20s']
    const own = ['--', tokensFile, String(firstToken), String(pauseMs), host]
    const args = ['-c', String(LOAD_CORE), 'wrk', ...load, '-s', script, url, ...own]
    const { stdout } = await run('taskset', args, { env: { PATH } })
    const { requests, micros, failed, p50, p99 } = JSON.parse(stdout.trim().split('\n').at(-1) ?? '')
    if (failed > 0 || requests === 0) throw new Error(`${failed} of ${requests} calls to ${url} failed.`)
    return { requests, seconds: micros / 1e6, p50Ms: p50 / 1000, p99Ms: p99 / 1000 }
  }
}
