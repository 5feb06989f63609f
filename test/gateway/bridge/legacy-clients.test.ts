// Owns the proof that the SDKs' clients of the legacy era get everything that a modern server has for them.

import {
  Client as ClientV2,
  StreamableHTTPClientTransport as TransportV2,
} from '@modelcontextprotocol/client'
import { Client as ClientV1 } from '@modelcontextprotocol/sdk/client/index.js'
import {
  CreateMessageRequestSchema,
  ElicitRequestSchema,
  ListRootsRequestSchema,
  LoggingMessageNotificationSchema,
} from '@modelcontextprotocol/sdk/types.js'
import t, { type Test } from 'tap'
import type { Stage, Teardown } from '../stage.ts'
import { type BridgedStage, connectV1, setBridgedStage } from './legacy-stage.ts'

interface TestClient {
  readonly version: () => string | undefined
  readonly tools: () => Promise<readonly string[]>
  readonly call: (
    name: string,
    args?: Record<string, unknown>,
    onprogress?: (at: number) => void,
  ) => Promise<string>
  readonly read: (uri: string) => Promise<string>
  readonly prompt: (name: string) => Promise<number>
  readonly setLevel: (level: 'debug' | 'error') => Promise<unknown>
  readonly ping: () => Promise<unknown>
  readonly logs: string[]
  readonly end: () => Promise<void>
}

type Connect = (t: Teardown, stage: Stage) => Promise<TestClient>

const INFO = { name: 'tester', version: '1' }
const CAPABILITIES = { elicitation: {}, sampling: {}, roots: { listChanged: true } }
const ANSWERS = {
  elicit: { action: 'accept' as const, content: { username: 'ada', email: 'ada@example.com', name: 'Ada' } },
  sample: { model: 'm', role: 'assistant' as const, content: { type: 'text' as const, text: 'Paris' } },
  roots: { roots: [{ uri: 'file:///home', name: 'home' }] },
}

async function startV1(t: Teardown, stage: Stage): Promise<TestClient> {
  const client = new ClientV1(INFO, { capabilities: CAPABILITIES })
  const logs: string[] = []
  client.setRequestHandler(ElicitRequestSchema, async () => ANSWERS.elicit)
  client.setRequestHandler(CreateMessageRequestSchema, async () => ANSWERS.sample)
  client.setRequestHandler(ListRootsRequestSchema, async () => ANSWERS.roots)
  client.setNotificationHandler(LoggingMessageNotificationSchema, ({ params }) => {
    logs.push(String(params.data))
  })
  const transport = await connectV1(t, stage, client)
  return {
    version: () => transport.protocolVersion,
    tools: async () => (await client.listTools()).tools.map(({ name }) => name),
    call: async (name, args = {}, onprogress) =>
      textIn(
        await client.callTool({ name, arguments: args }, undefined, {
          ...(onprogress && { onprogress: ({ progress }) => onprogress(progress) }),
        }),
      ),
    read: async (uri) => JSON.stringify((await client.readResource({ uri })).contents),
    prompt: async (name) => (await client.getPrompt({ name })).messages.length,
    setLevel: (level) => client.setLoggingLevel(level),
    ping: () => client.ping(),
    logs,
    end: () => transport.terminateSession(),
  }
}

async function startV2(t: Teardown, stage: Stage): Promise<TestClient> {
  const client = new ClientV2(INFO, {
    capabilities: CAPABILITIES,
    versionNegotiation: { mode: 'legacy' },
  })
  const logs: string[] = []
  client.setRequestHandler('elicitation/create', async () => ANSWERS.elicit)
  client.setRequestHandler('sampling/createMessage', async () => ANSWERS.sample)
  client.setRequestHandler('roots/list', async () => ANSWERS.roots)
  client.setNotificationHandler('notifications/message', ({ params }) => {
    logs.push(String(params.data))
  })
  const headers = { authorization: `Bearer ${await stage.token()}` }
  const transport = new TransportV2(new URL('/mcp/notes', stage.origin), { requestInit: { headers } })
  await client.connect(transport)
  t.teardown(() => client.close())
  return {
    version: () => client.getNegotiatedProtocolVersion(),
    tools: async () => (await client.listTools()).tools.map(({ name }) => name),
    call: async (name, args = {}, onprogress) =>
      textIn(
        await client.callTool(
          { name, arguments: args },
          { ...(onprogress && { onprogress: ({ progress }) => onprogress(progress) }) },
        ),
      ),
    read: async (uri) => JSON.stringify((await client.readResource({ uri })).contents),
    prompt: async (name) => (await client.getPrompt({ name })).messages.length,
    setLevel: (level) => client.setLoggingLevel(level),
    ping: () => client.ping(),
    logs,
    end: () => transport.terminateSession(),
  }
}

const CLIENTS: readonly (readonly [name: string, connect: Connect])[] = [
  ['SDK v1', startV1],
  ['SDK v2 in the legacy era', startV2],
]

for (const [name, connect] of CLIENTS) {
  t.test(name, async (t) => {
    const stage = await setBridgedStage(t)
    const client = await connect(t, stage)
    t.equal(client.version(), '2025-11-25')
    await exercise(t, client, stage)
    t.same(stage.errors, [])
    await client.end()
    await t.rejects(client.tools(), 'and its session is over then')
  })
}

async function exercise(t: Test, client: TestClient, stage: BridgedStage): Promise<void> {
  await t.test('lists and calls tools, reads resources, gets prompts', async (t) => {
    t.ok((await client.tools()).includes('test_simple_text'))
    t.match(await client.call('test_simple_text'), /simple text/i)
    t.match(await client.read('test://static-text'), /static text resource/)
    t.ok((await client.prompt('test_simple_prompt')) > 0)
    await client.ping()
  })
  await t.test('hears progress in order', async (t) => {
    const progress: number[] = []
    t.equal(await client.call('test_tool_with_progress', {}, (at) => progress.push(at)), 'Reported progress.')
    t.same(progress, [0, 50, 100])
  })
  await t.test('hears log messages from the level on that it set', async (t) => {
    await client.call('test_tool_with_logging')
    t.equal(client.logs.length, 3)
    await client.setLevel('error')
    await client.call('test_tool_with_logging')
    t.equal(client.logs.length, 3)
    await client.setLevel('debug')
    await client.call('test_tool_with_logging')
    t.equal(client.logs.length, 6)
  })
  await t.test('is asked what the upstream asks: a person, a model, its roots', async (t) => {
    t.match(await client.call('test_elicitation', { message: 'Who?' }), /action=accept.*ada@example/)
    t.equal(await client.call('test_sampling', { prompt: 'Capital?' }), 'LLM response: Paris')
    t.equal(await client.call('test_input_required_result_list_roots'), 'Roots: file:///home')
    t.equal(await client.call('test_input_required_result_multiple_inputs'), 'Paris Ada, 1 roots')
  })
  await t.test('leaves nothing open at the upstream but its subscription', async (t) => {
    t.equal(stage.peer.open(), 1)
  })
}

function textIn(result: object): string {
  const content = 'content' in result && Array.isArray(result.content) ? result.content : []
  return content.map((part: object) => ('text' in part ? String(part.text) : '')).join('')
}
