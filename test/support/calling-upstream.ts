// Owns one call to the upstream behind a path of the gateway in tests: as a client of 2026-07-28 makes it that opens no links.

import { type Answer, modern, send } from '../gateway/stage.ts'

/** `at`: where a replica listens; `publicUrl`: what it is called. */
export async function callMe(at: string, publicUrl: string, token: string, path = '/mcp'): Promise<Answer> {
  const { headers, body } = modern('tools/call', { name: 'me', arguments: {} })
  const host = new URL(publicUrl).host
  return await send({ origin: at }, { path, token, body, headers: { ...headers, host } })
}
