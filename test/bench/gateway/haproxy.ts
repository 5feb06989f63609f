// Owns HAProxy's part in the bench: one thread that verifies the signature of every request.

import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { freePort } from '../../support/local-server.ts'
import { answersAt, startPinned, TARGET_CORE } from './machine.ts'
import type { Stage } from './stage.ts'
import type { Target } from './target.ts'

export async function startHaproxy({ t, directory, keyFile, upstream }: Stage): Promise<Target> {
  const port = await freePort()
  const file = join(directory, 'haproxy.cfg')
  await writeFile(file, configuration(port, upstream.port, keyFile))
  const { pid } = await startPinned(t, directory, {
    core: TARGET_CORE,
    command: 'haproxy',
    args: ['-db', '-f', file],
  })
  const url = `http://127.0.0.1:${port}/mcp`
  await answersAt(url)
  return { name: 'HAProxy with jwt_verify', url, pids: [pid], versatile: true }
}

/** The signature and the algorithm alone: neither issuer, audience nor expiry are looked at. */
function configuration(port: number, upstream: number, keyFile: string): string {
  return `
global
  nbthread 1
  maxconn 9000
  quiet
defaults
  mode http
  option http-no-delay
  # Otherwise a stream whose client has left stays open at the upstream.
  option abortonclose
  timeout connect 5s
  timeout client 1h
  timeout server 1h
frontend mcp
  bind 127.0.0.1:${port} backlog 8192
  http-request set-var(txn.token) http_auth_bearer
  http-request deny deny_status 401 unless { var(txn.token),jwt_header_query('$.alg') -m str ES256 }
  http-request deny deny_status 401 unless { var(txn.token),jwt_verify("ES256","${keyFile}") 1 }
  http-request del-header authorization
  default_backend upstream
backend upstream
  http-reuse always
  server one 127.0.0.1:${upstream}
`
}
