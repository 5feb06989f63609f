// Owns the promise that the samples in deploy/ do what streams and PUBLIC_URL need, and name variables that exist.

import { existsSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { parse } from 'yaml'
import { loadConfig } from '../../src/config/config.ts'
import { DEFAULT_LIMITS } from '../../src/gateway/limits.ts'
import { ROOT, readProject } from './project.ts'

const MEBIBYTE = 1024 * 1024
const KEEP_ALIVE_OF_GATEHOUSE_SECONDS = 75

function withoutComments(file: string): string {
  return readProject(file).replaceAll(/^\s*#.*$/gm, '')
}

t.test('nginx keeps Host, streams, and waits longer than the slowest tool', async (t) => {
  const text = withoutComments('deploy/nginx.conf')
  t.match(text, /proxy_set_header Host \$host;/)
  t.match(text, /proxy_set_header X-Forwarded-For \$remote_addr;/)
  for (const off of ['proxy_buffering', 'proxy_cache', 'gzip']) t.match(text, `${off} off;`)
  t.notMatch(text, /http2/, 'the head of a silent stream goes out at once')
  const seconds = Number(/proxy_read_timeout (\d+)s;/.exec(text)?.[1])
  t.ok(seconds * 1000 > DEFAULT_LIMITS.firstByteTimeoutMs)
  const size = Number(/client_max_body_size (\d+)m;/.exec(text)?.[1])
  t.ok(size * MEBIBYTE >= loadConfig({}).maxBodyBytes)
  t.ok(Number(/keepalive_timeout (\d+)s;/.exec(text)?.[1]) < KEEP_ALIVE_OF_GATEHOUSE_SECONDS)
})

t.test('Caddy streams, and ends a call that the client has left', async (t) => {
  const text = withoutComments('deploy/Caddyfile')
  t.match(text, /reverse_proxy 127\.0\.0\.1:8080/)
  t.notMatch(text, /flush_interval|encode/)
  t.ok(Number(/max_size (\d+)MiB/.exec(text)?.[1]) * MEBIBYTE >= loadConfig({}).maxBodyBytes)
})

t.test('Traefik keeps Host, and every name it uses is defined', async (t) => {
  const { http } = parse(readProject('deploy/traefik.yml'))
  const { service, middlewares } = http.routers.gatehouse
  const { loadBalancer } = http.services[service]
  t.equal(loadBalancer.passHostHeader, true)
  t.equal(loadBalancer.healthCheck.path, '/readyz')
  t.ok(http.serversTransports[loadBalancer.serversTransport])
  t.equal(middlewares, undefined, 'nothing that buffers or compresses')
})

t.test('the service of systemd starts what exists, with variables that are accepted', async (t) => {
  const text = withoutComments('deploy/gatehouse.service')
  const [, program = '', script = ''] = /^ExecStart=(\S+) (?:--\S+ )*(\S+) serve$/m.exec(text) ?? []
  const [, directory = ''] = /^WorkingDirectory=(.*)$/m.exec(text) ?? []
  t.ok(program.startsWith(`${directory}/`))
  t.ok(existsSync(join(ROOT, script)))

  const files = t.testdir({
    'secret-key': 'k'.repeat(44),
    'database-url': 'postgres://gatehouse:password@127.0.0.1:5432/gatehouse',
  })
  const env = [...text.matchAll(/^Environment=(\w+)=(.*)$/gm)].map(([, name = '', value = '']) => [
    name,
    value.replace('%d', files).replace('%S', '/var/lib'),
  ])
  const config = loadConfig(Object.fromEntries(env))
  t.match(config, { publicUrl: 'https://gate.example.com', dataDir: '/var/lib/gatehouse' })
  t.equal(config.database.kind, 'postgres')
  t.match(config.upstreams, [{ name: 'notes' }])
  t.ok(Number(/^TimeoutStopSec=(\d+)$/m.exec(text)?.[1]) * 1000 >= config.shutdownGraceMs + 5_000)
})
