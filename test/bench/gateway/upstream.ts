// Owns the upstream of the bench: nginx, which answers the measured call out of its configuration, before a Node process.

import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { freePort } from '../../support/local-server.ts'
import { answersAt, LOAD_CORE, startPinned } from './machine.ts'
import { nginxConfiguration } from './nginx.ts'
import { FAST_ANSWER, FAST_TOOL } from './request.ts'
import type { Stage } from './stage.ts'

export interface BenchUpstream {
  readonly port: number
  readonly url: string
  /** Tells so many of the listeners the time. Returns how many there are. */
  announce(count: number): Promise<number>
  /** Resolves when nobody listens any more. */
  emptied(): Promise<void>
}

const LEAVING_MS = 30_000
const LOOK_AGAIN_MS = 100
const PROCESS = fileURLToPath(new URL('./upstream-process.ts', import.meta.url))

export async function startUpstream({
  t,
  directory,
}: Pick<Stage, 't' | 'directory'>): Promise<BenchUpstream> {
  const behind = await freePort()
  await startPinned(t, directory, {
    core: LOAD_CORE,
    command: process.execPath,
    args: [PROCESS, String(behind)],
  })
  await answersAt(`http://127.0.0.1:${behind}/mcp`)
  const port = await freePort()
  const file = join(directory, 'upstream.conf')
  await writeFile(file, nginxConfiguration(join(directory, 'upstream'), configuration(port, behind)))
  await startPinned(t, directory, { core: LOAD_CORE, command: 'nginx', args: ['-c', file] })
  const origin = `http://127.0.0.1:${port}`
  await answersAt(`${origin}/mcp`)
  const announce = async (count: number) =>
    Number(await (await fetch(`http://127.0.0.1:${behind}/announce/${count}`)).text())
  return {
    port,
    url: `${origin}/mcp`,
    announce,
    emptied: () => emptied(announce),
  }
}

async function emptied(announce: BenchUpstream['announce']): Promise<void> {
  const until = performance.now() + LEAVING_MS
  for (let left = await announce(0); left > 0; left = await announce(0)) {
    if (performance.now() > until) throw new Error(`${left} streams stayed open at the upstream.`)
    await delay(LOOK_AGAIN_MS)
  }
}

function configuration(port: number, behind: number): string {
  return `
  server {
    listen 127.0.0.1:${port} backlog=8192;
    location / {
      if ($http_mcp_name = ${FAST_TOOL}) {
        return 200 '${FAST_ANSWER}';
      }
      default_type application/json;
      proxy_pass http://127.0.0.1:${behind};
      proxy_http_version 1.1;
      proxy_set_header Connection '';
      proxy_buffering off;
      proxy_request_buffering off;
      proxy_read_timeout 1h;
    }
  }`
}
