// Owns the proof that a modern client gets from a legacy everything-server what it gets from a modern one.

import type { Client } from '@modelcontextprotocol/client'
import t, { type Test } from 'tap'
import { startEverythingServer } from '../../support/everything-server.ts'
import { connectModern, setBridge } from './modern-stage.ts'

const CAPABILITIES = { elicitation: { form: {}, url: {} }, sampling: {}, roots: {} }

async function connectEverything(t: Test): Promise<Client> {
  const server = await startEverythingServer({
    eras: new Set(['legacy']),
    sessionLimits: { retryMilliseconds: 20 },
  })
  t.teardown(() => server.close())
  const stage = await setBridge(t, server.url)
  const client = await connectModern(t, stage, { capabilities: CAPABILITIES })
  client.setRequestHandler('elicitation/create', () => ({
    action: 'accept',
    content: { username: 'ann', email: 'a@b.c' },
  }))
  client.setRequestHandler('sampling/createMessage', () => ({
    role: 'assistant',
    content: { type: 'text', text: 'sampled' },
    model: 'tested',
  }))
  client.setRequestHandler('roots/list', () => ({ roots: [{ uri: 'file:///home' }] }))
  return client
}

t.test(
  'content of every kind, errors, questions, and an answer that comes after the stream was closed',
  async (t) => {
    const client = await connectEverything(t)
    const call = (name: string, args = {}) => client.callTool({ name, arguments: args })
    t.match(await call('test_simple_text'), { content: [{ type: 'text' }] })
    t.match(await call('test_image_content'), { content: [{ type: 'image', mimeType: 'image/png' }] })
    t.match(await call('test_multiple_content_types'), {
      content: [{ type: 'text' }, { type: 'image' }, { type: 'resource' }],
    })
    t.match(await call('test_error_handling'), { isError: true })
    t.match(await call('test_sampling', { prompt: 'Hi' }), { content: [{ text: 'LLM response: sampled' }] })
    t.match(await call('test_elicitation', { message: 'Who?' }), {
      content: [{ text: /action=accept.*ann/ }],
    })
    t.match(await call('test_reconnection'), { content: [{ text: 'Answered after the stream was closed.' }] })
  },
)

t.test('a parameter that a tool wants to see in a header is sent in the body alone', async (t) => {
  const client = await connectEverything(t)
  const { tools } = await client.listTools()
  const tool = tools.find(({ name }) => name === 'test_x_mcp_header')
  t.match(tool?.inputSchema, { properties: { region: { type: 'string' } } })
  t.notMatch(JSON.stringify(tools), /x-mcp-header/)
  const result = await client.callTool({ name: 'test_x_mcp_header', arguments: { region: 'eu' } })
  t.match(result, { content: [{ text: 'region=eu' }] })
})

t.test('progress, lists in pages or not, resources, templates, prompts and completion', async (t) => {
  const client = await connectEverything(t)
  const progress: number[] = []
  await client.callTool(
    { name: 'test_tool_with_progress' },
    { onprogress: (at) => void progress.push(at.progress) },
  )
  t.same(progress, [0, 50, 100])
  t.match(await client.listResources(), { resources: [{ uri: String }] })
  t.match(await client.listResourceTemplates(), { resourceTemplates: [{ uriTemplate: String }] })
  t.match(await client.readResource({ uri: 'test://static-text' }), {
    contents: [{ uri: 'test://static-text' }],
  })
  t.match(await client.listPrompts(), { prompts: [{ name: String }] })
  const prompt = { name: 'test_prompt_with_arguments', arguments: { arg1: 'one', arg2: 'two' } }
  t.match(await client.getPrompt(prompt), { messages: [{ content: { text: /one.*two/ } }] })
  const asked = {
    ref: { type: 'ref/prompt' as const, name: prompt.name },
    argument: { name: 'arg1', value: 'p' },
  }
  t.match(await client.complete(asked), { completion: { values: Array } })
})
