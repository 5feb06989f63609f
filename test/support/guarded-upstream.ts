// Owns guarded upstreams in tests: MCP servers with a login of their own, each a process.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import * as z from 'zod'
import type { Teardown } from './database.ts'
import { PROGRAM_ENVIRONMENT } from './environment.ts'
import type { Manner } from './guarded-upstream/manners.ts'

const MAIN = fileURLToPath(new URL('./guarded-upstream/main.ts', import.meta.url))

const said = z.object({
  registrations: z.number(),
  refreshes: z.number(),
  exchanges: z.number(),
  revocations: z.number(),
  refused: z.number(),
  delayed: z.number(),
  accounts: z.array(z.string()),
  presented: z.array(z.string()),
  secrets: z.array(z.string()),
})

export interface GuardedUpstream {
  readonly origin: string
  /** Of its MCP server. */
  readonly url: string
  /** `wishes`: see guarded-upstream/authorization-server.ts. Answers what was counted so far. */
  control(wishes?: Readonly<Record<string, string>>): Promise<z.output<typeof said>>
  /** Nobody listens there any more. */
  stop(): Promise<void>
}

/** `callback`: of the client that is registered by hand. */
export async function startGuardedUpstream(
  t: Teardown,
  manner: Manner,
  callback?: string,
): Promise<GuardedUpstream> {
  const child = spawn(process.execPath, [MAIN, manner], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...PROGRAM_ENVIRONMENT, ...(callback !== undefined && { CALLBACK: callback }) },
  })
  t.teardown(async () => void child.kill('SIGTERM'))
  const [line] = await once(child.stdout, 'data')
  const origin = String(line).trim()
  return {
    origin,
    url: `${origin}/mcp`,
    async control(wishes = {}) {
      const answer = await fetch(`${origin}/control?${new URLSearchParams(wishes)}`)
      return said.parse(await answer.json())
    },
    async stop() {
      const exit = once(child, 'exit')
      child.kill('SIGKILL')
      await exit
    },
  }
}
