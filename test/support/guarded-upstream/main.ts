// Owns an MCP server with an authorization server of its own, as a process: `node main.ts <manner>`; see manners.ts.

import { AsyncLocalStorage } from 'node:async_hooks'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { McpServer } from '@modelcontextprotocol/server'
import * as z from 'zod'
import { createEndpoint } from '../../../src/demo/endpoint.ts'
import { listenLocally } from '../local-server.ts'
import { createAuthorizationServer } from './authorization-server.ts'
import { isManner, MANNERS } from './manners.ts'

const manner = process.argv[2] ?? 'open'
if (!isManner(manner)) throw new Error(`one of ${MANNERS.join(', ')}`)

const server = createServer()
const origin = `http://127.0.0.1:${await listenLocally(server)}`

const authorizationServer = await createAuthorizationServer(origin, manner)
const endpoint = createEndpoint(() => buildServer())
/** Of the calls that were let in. */
const accounts: string[] = []
/** Of every call to the MCP server, let in or not. */
const presented: string[] = []
const current = new AsyncLocalStorage<string>()

function buildServer(): McpServer {
  const mcp = new McpServer({ name: 'guarded', version: '1' }, { capabilities: { tools: {} } })
  mcp.registerTool(
    'me',
    {
      description: 'Says whose login this is',
      inputSchema: z.object({}),
      annotations: { readOnlyHint: true },
    },
    async () => ({ content: [{ type: 'text', text: `you are ${current.getStore()}` }] }),
  )
  return mcp
}

server.on('request', async (req: IncomingMessage, res: ServerResponse) => {
  const { pathname } = new URL(req.url ?? '/', origin)
  if (pathname === '/control') return control(req, res)
  if (pathname !== '/mcp') return authorizationServer.handle(req, res)
  if (req.headers.authorization !== undefined) presented.push(req.headers.authorization)
  const account = await authorizationServer.accountOf(req)
  if (account === null) return authorizationServer.challenge(req, res)
  accounts.push(account)
  await current.run(account, () => endpoint.handle(req, res))
})

/** What a test asks and says, beside the protocol. */
async function control(req: IncomingMessage, res: ServerResponse): Promise<void> {
  const { searchParams } = new URL(req.url ?? '/', origin)
  await authorizationServer.control(searchParams)
  const said = {
    ...authorizationServer.counts(),
    accounts,
    presented,
    secrets: authorizationServer.secrets(),
  }
  res.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(said))
}

process.stdout.write(`${origin}\n`)
process.once('SIGTERM', () => {
  server.close().closeAllConnections()
  process.exit()
})
