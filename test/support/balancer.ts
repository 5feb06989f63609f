// Owns a load balancer without stickiness: HAProxy, which sends each request to the next replica.

import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Test } from 'tap'
import { until } from './until.ts'

const USUAL_PLACES = ['/usr/sbin/haproxy', '/usr/local/sbin/haproxy', '/opt/homebrew/bin/haproxy']
const HOW_TO_GET_ONE = 'no HAProxy: install it (Debian: apt-get install haproxy) or set HAPROXY_PATH'

/** Which replica answered. */
export const SERVED_BY = 'x-served-by'

/** Null when there is none, after the test was reported as skipped; with REQUIRE_HAPROXY set, that is a failure instead. */
export function findHaproxy(t: Test): string | null {
  const found = process.env.HAPROXY_PATH || USUAL_PLACES.find((path) => existsSync(path))
  if (found) return found
  if (process.env.REQUIRE_HAPROXY) throw new Error(HOW_TO_GET_ONE)
  t.pass(HOW_TO_GET_ONE, { skip: HOW_TO_GET_ONE })
  console.error(`SKIPPED: ${t.name}: ${HOW_TO_GET_ONE}`)
  return null
}

/** Listens at this port until teardown; the ports behind it are one and the same service. */
export async function startBalancer(
  t: Test,
  haproxy: string,
  port: number,
  replicas: readonly number[],
): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), 'balancer-'))
  t.teardown(() => rm(directory, { recursive: true, force: true }))
  const file = join(directory, 'haproxy.cfg')
  await writeFile(file, configuration(port, replicas))
  const child = spawn(haproxy, ['-f', file, '-db'], { stdio: ['ignore', 'ignore', 'pipe'] })
  const said: string[] = []
  child.stderr.on('data', (chunk) => said.push(String(chunk)))
  t.teardown(() => stop(child))
  await until('the load balancer', () => {
    if (child.exitCode !== null) throw new Error(`HAProxy ended: ${said.join('')}`)
    return answers(port)
  })
}

/** Streams stay open as long as they like; nothing ties a client, a session or a connection to a replica. */
function configuration(port: number, replicas: readonly number[]): string {
  const servers = replicas.map((at, index) => `  server replica-${index + 1} 127.0.0.1:${at}`)
  return `${[
    'defaults',
    '  mode http',
    '  option http-no-delay',
    // A client that leaves before it has an answer cancels its request: without this, nobody would hear of it.
    '  option abortonclose',
    '  timeout connect 5s',
    '  timeout client 1h',
    '  timeout server 1h',
    'frontend gate',
    `  bind 127.0.0.1:${port}`,
    '  default_backend replicas',
    'backend replicas',
    '  balance roundrobin',
    `  http-response set-header ${SERVED_BY} %s`,
    ...servers,
  ].join('\n')}\n`
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    request({ host: '127.0.0.1', port, path: '/healthz' }, (response) => {
      response.resume()
      resolve(true)
    })
      .on('error', () => resolve(false))
      .end()
  })
}

function stop(child: ChildProcess): Promise<unknown> | undefined {
  if (child.exitCode !== null || child.signalCode !== null) return undefined
  return new Promise((resolve) => {
    child.once('exit', resolve)
    child.kill('SIGKILL')
  })
}
