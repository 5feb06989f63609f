// Owns the client that the conformance suite starts: a person who calls the suite's server through Gatehouse, and logs in when asked.

import { rename, writeFile } from 'node:fs/promises'
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client'
import * as z from 'zod'
import { until } from '../support/until.ts'
import { authFor, handedOut } from './client-login.ts'
import { logInAtUpstream, signIn } from './gatehouse.ts'

const MODERN = '2026-07-28'
const MOST_ROUNDS = 3

/** Of the suite: what it is about, and what it hands out. Of the run: where Gatehouse is, and its upstreams. */
const environment = z.object({
  MCP_CONFORMANCE_SCENARIO: z.string(),
  MCP_CONFORMANCE_PROTOCOL_VERSION: z.string(),
  MCP_CONFORMANCE_CONTEXT: z
    .string()
    .default('{}')
    .transform((text): unknown => JSON.parse(text))
    .pipe(handedOut),
  GATEHOUSE: z.string(),
  GATEHOUSE_UPSTREAMS: z.string(),
})

const {
  MCP_CONFORMANCE_SCENARIO: scenario,
  MCP_CONFORMANCE_PROTOCOL_VERSION: revision,
  MCP_CONFORMANCE_CONTEXT: given,
  GATEHOUSE: issuer,
  GATEHOUSE_UPSTREAMS: file,
} = environment.parse(process.env)
const url = process.argv.at(-1) ?? ''
const upstream = `suite${new URL(url).port}`
const resource = `${issuer}/mcp/${upstream}`

await configure()
await callEverything()

/** As an operator would: one line, and the client where the server registers none. What a platform writes is there before. */
async function configure(): Promise<void> {
  const workloadFile = `${file}.workload`
  if (given.valid_jwt !== undefined) await writeFile(workloadFile, given.valid_jwt)
  const auth = await authFor(scenario, given, { url, workloadFile })
  await writeFile(`${file}.new`, JSON.stringify({ [upstream]: { url, auth } }))
  await rename(`${file}.new`, file)
  await until('the upstream is there', async () => (await fetch(metadataUrl())).ok)
}

function metadataUrl(): string {
  return `${issuer}/.well-known/oauth-protected-resource/mcp/${upstream}`
}

/** Each tool once. Before a login there is the one that leads to it; the others are there after it. */
async function callEverything(): Promise<void> {
  const client = await connect()
  const called = new Set<string>()
  for (let rounds = 0; rounds < MOST_ROUNDS; rounds++) {
    const { tools } = await client.listTools()
    for (const { name } of tools.filter((tool) => !called.has(tool.name))) {
      // A login may be asked for again, at another server.
      if (!name.startsWith('connect_')) called.add(name)
      const { content, isError } = await client.callTool({ name, arguments: {} })
      console.log(name, JSON.stringify(content))
      if (isError) throw new Error(`${name} did not work`)
    }
  }
  await client.close()
}

async function connect(): Promise<Client> {
  const versionNegotiation = { mode: revision === MODERN ? { pin: revision } : 'legacy' } as const
  const capabilities = { elicitation: { form: {}, url: {} } }
  const client = new Client({ name: 'conformance', version: '1' }, { capabilities, versionNegotiation })
  client.setRequestHandler('elicitation/create', async ({ params }) => {
    if (params.mode !== 'url') return { action: 'decline' }
    const { isDone, said } = await logInAtUpstream(issuer, params.url, upstream, given.idp_id_token)
    console.log(said)
    return { action: isDone ? 'accept' : 'decline' }
  })
  const requestInit = { headers: { authorization: `Bearer ${await signIn(issuer, resource, upstream)}` } }
  await client.connect(new StreamableHTTPClientTransport(new URL(resource), { requestInit }))
  return client
}
