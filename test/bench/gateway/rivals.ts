// Owns the other Node programs that are measured: @fastify/http-proxy with jose, and mcp-proxy.

import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { freePort } from '../../support/local-server.ts'
import { answersAt, LOAD_CORE, startPinned, TARGET_CORE } from './machine.ts'
import type { Stage } from './stage.ts'
import type { Target } from './target.ts'

const path = (name: string) => fileURLToPath(new URL(`./rivals/${name}`, import.meta.url))
const MCP_PROXY = path('mcp-proxy/node_modules/mcp-proxy/dist/bin/mcp-proxy.mjs')

export async function startFastifyProxy({ t, directory, jwksFile, upstream }: Stage): Promise<Target> {
  const port = await freePort()
  const inspectorPort = await freePort()
  const { pid } = await startPinned(t, directory, {
    core: TARGET_CORE,
    command: process.execPath,
    args: [
      `--inspect-port=${inspectorPort}`,
      path('fastify-proxy.ts'),
      String(port),
      jwksFile,
      new URL(upstream.url).origin,
    ],
    env: { NODE_ENV: 'production' },
  })
  const url = `http://127.0.0.1:${port}/mcp`
  await answersAt(url)
  return { name: '@fastify/http-proxy and jose', url, pids: [pid], versatile: true, inspectorPort }
}

/** Null when it is not installed. It knows no tokens, and starts its upstream itself, on the core of the others'. */
export async function startMcpProxy({ t, directory }: Stage): Promise<Target | null> {
  if (!existsSync(MCP_PROXY)) return null
  const port = await freePort()
  const server = ['taskset', '-c', String(LOAD_CORE), process.execPath, path('stdio-server.ts')]
  const { pid } = await startPinned(t, directory, {
    core: TARGET_CORE,
    command: process.execPath,
    args: [MCP_PROXY, '--host', '127.0.0.1', '--port', String(port), '--server', 'stream', '--', ...server],
  })
  const url = `http://127.0.0.1:${port}/mcp`
  await answersAt(url)
  return { name: 'mcp-proxy (npm), without tokens', url, pids: [pid], versatile: false, moderateRate: 100 }
}

export const MCP_PROXY_MISSING =
  'mcp-proxy is left out. To have it: npm ci --prefix test/bench/gateway/rivals/mcp-proxy'
