// Owns the stage of the aggregate's tests: several real servers behind one gateway, and clients at /mcp.

import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client'
import { McpServer } from '@modelcontextprotocol/server'
import { createEndpoint, type Endpoint, type Era } from '../../../src/demo/endpoint.ts'
import { listen } from '../../../src/demo/listen.ts'
import { startDemoUpstream } from '../../../src/demo/server.ts'
import type { GatewayNeeds } from '../../../src/gateway/gateway.ts'
import type { HttpSettings, UpstreamSettings } from '../../../src/upstreams/settings.ts'
import { openLinks } from '../../support/links.ts'
import { type Claims, PUBLIC_URL, type Sent, type Stage, send, setStage, type Teardown } from '../stage.ts'

export interface Town extends Stage {
  /** With everything at every upstream, but for what the claims say. */
  pass(claims?: Claims): Promise<string>
}

type Settings = HttpSettings

export async function setTown(
  t: Teardown,
  upstreams: readonly UpstreamSettings[],
  needs: Partial<GatewayNeeds> = {},
): Promise<Town> {
  const links = openLinks(t)
  const stage = await setStage(t, upstreams, { links, ...needs })
  const scope = upstreams.map(({ name }) => name).join(' ')
  const pass = (claims: Claims = {}) => stage.token({ aud: `${PUBLIC_URL}/mcp`, scope, ...claims })
  return { ...stage, pass }
}

export async function demoAt(t: Teardown, name: string): Promise<Settings> {
  const demo = await startDemoUpstream()
  t.teardown(() => demo.close())
  return { name, title: name.toUpperCase(), url: demo.url, headers: {} }
}

/** A server of our own making; `notify` tells its subscribers. */
export async function serverAt(
  t: Teardown,
  name: string,
  build: (server: McpServer, era: Era) => void,
): Promise<Settings & { readonly notify: Endpoint['notify'] }> {
  const endpoint = createEndpoint((era) => {
    const server = new McpServer({ name, version: '1' }, { instructions: `This is ${name}.` })
    build(server, era)
    return server
  })
  const { url, close } = await listen(endpoint, '127.0.0.1', 0)
  t.teardown(close)
  return { name, title: name.toUpperCase(), url, headers: {}, notify: endpoint.notify }
}

/** A client of 2026-07-28. It says yes to whatever it is asked. */
export async function clientAt(t: Teardown, town: Town, claims: Claims = {}): Promise<Client> {
  const client = new Client(
    { name: 'visitor', version: '1' },
    { capabilities: { elicitation: { form: {} } }, versionNegotiation: { mode: { pin: '2026-07-28' } } },
  )
  client.setRequestHandler('elicitation/create', () => ({ action: 'accept', content: { confirm: true } }))
  const headers = { authorization: `Bearer ${await town.pass(claims)}` }
  await client.connect(
    new StreamableHTTPClientTransport(new URL('/mcp', town.origin), { requestInit: { headers } }),
  )
  t.teardown(() => client.close())
  return client
}

/** One request by hand. What took long enough to become a stream is read to its end. */
export async function ask(town: Town, sent: Sent & { readonly claims?: Claims }) {
  const { claims, ...rest } = sent
  const answer = await send(town, { path: '/mcp', token: await town.pass(claims), ...rest })
  const last = answer.text.split('\n').findLast((line) => line.startsWith('data: {'))
  return last === undefined ? answer : { ...answer, json: JSON.parse(last.slice('data: '.length)) }
}

export function textOf(result: unknown): string {
  return JSON.stringify(result)
}
