// Owns nginx's part in the bench: what every configuration begins with, and the target with a cached auth_request.

import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { freePort } from '../../support/local-server.ts'
import { withChildren } from '../cpu.ts'
import { answersAt, startPinned, TARGET_CORE } from './machine.ts'
import type { Stage } from './stage.ts'
import type { Target } from './target.ts'

const VERIFIER = fileURLToPath(new URL('./rivals/verifier.ts', import.meta.url))

/** One worker, in the foreground, with its files in a directory of its own. */
export function nginxConfiguration(prefix: string, http: string): string {
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
  // It would give up root, and lose its way into the directory.
  const user = process.getuid?.() === 0 ? 'user root;' : ''
  return `
${user}
daemon off;
worker_processes 1;
worker_rlimit_nofile 20000;
pid ${prefix}.pid;
error_log ${prefix}-error.log crit;
events { worker_connections 19000; }
http {
  access_log off;
  client_max_body_size 20m;
  keepalive_requests 1000000000;
  keepalive_timeout 1h;
  ${temporary.map((name) => `${name}_temp_path ${prefix}-${name};`).join('\n  ')}
  ${http}
}
`
}

/** Asks a verifier once for each token and remembers the answer. What one would build today, without a product. */
export async function startNginx({ t, directory, jwksFile, upstream }: Stage): Promise<Target> {
  const verifier = await freePort()
  const asked = await startPinned(t, directory, {
    core: TARGET_CORE,
    command: process.execPath,
    args: [VERIFIER, String(verifier), jwksFile],
  })
  const port = await freePort()
  const file = join(directory, 'nginx.conf')
  const prefix = join(directory, 'nginx')
  await writeFile(
    file,
    nginxConfiguration(prefix, configuration(prefix, { port, verifier, upstream: upstream.port })),
  )
  const { pid } = await startPinned(t, directory, { core: TARGET_CORE, command: 'nginx', args: ['-c', file] })
  await answersAt(`http://127.0.0.1:${verifier}/`)
  await answersAt(`http://127.0.0.1:${port}/mcp`)
  const pids = await withChildren([pid, asked.pid])
  return {
    name: 'nginx with cached auth_request',
    url: `http://127.0.0.1:${port}/mcp`,
    pids,
    versatile: true,
  }
}

interface Ports {
  readonly port: number
  readonly verifier: number
  readonly upstream: number
}

function configuration(prefix: string, { port, verifier, upstream }: Ports): string {
  return `
  proxy_cache_path ${prefix}-cache keys_zone=tokens:20m max_size=1g;
  upstream mcp { server 127.0.0.1:${upstream}; keepalive 256; keepalive_requests 1000000000; }
  upstream verifier { server 127.0.0.1:${verifier}; keepalive 16; keepalive_requests 1000000000; }
  server {
    listen 127.0.0.1:${port} backlog=8192;
    location /mcp {
      auth_request /verify;
      proxy_pass http://mcp;
      proxy_http_version 1.1;
      proxy_set_header Connection '';
      proxy_set_header Authorization '';
      proxy_buffering off;
      proxy_request_buffering off;
      proxy_read_timeout 1h;
    }
    location = /verify {
      internal;
      proxy_pass http://verifier/;
      proxy_http_version 1.1;
      proxy_pass_request_body off;
      proxy_set_header Connection '';
      proxy_set_header Content-Length '';
      proxy_cache tokens;
      proxy_cache_key $http_authorization;
      proxy_cache_valid 200 10m;
    }
  }`
}
