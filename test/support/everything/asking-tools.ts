// Owns the tools that ask the client for one thing, as servers of the 2025 revisions did in the middle of a call.

import {
  type CallToolResult,
  type ElicitRequestFormParams,
  type InputRequiredResult,
  inputRequired,
  inputResponse,
  type McpServer,
  type ServerContext,
} from '@modelcontextprotocol/server'
import { z } from 'zod'

type RequestedSchema = ElicitRequestFormParams['requestedSchema']

const WHO: RequestedSchema = {
  type: 'object',
  properties: {
    username: { type: 'string', description: "User's response" },
    email: { type: 'string', description: "User's email address" },
  },
  required: ['username', 'email'],
}

const DEFAULTS: RequestedSchema = {
  type: 'object',
  properties: {
    name: { type: 'string', default: 'John Doe' },
    age: { type: 'integer', default: 30 },
    score: { type: 'number', default: 95.5 },
    status: { type: 'string', enum: ['active', 'inactive', 'pending'], default: 'active' },
    verified: { type: 'boolean', default: true },
  },
}

const OPTIONS = ['option1', 'option2', 'option3']

const ENUMS: RequestedSchema = {
  type: 'object',
  properties: {
    untitledSingle: { type: 'string', enum: OPTIONS },
    titledSingle: { type: 'string', oneOf: titled('Option') },
    legacyEnum: {
      type: 'string',
      enum: ['opt1', 'opt2', 'opt3'],
      enumNames: ['Option One', 'Option Two', 'Option Three'],
    },
    untitledMulti: { type: 'array', items: { type: 'string', enum: OPTIONS } },
    titledMulti: { type: 'array', items: { anyOf: titled('Choice') } },
  },
}

function titled(noun: string): { const: string; title: string }[] {
  return ['First', 'Second', 'Third'].map((nth, index) => ({
    const: `value${index + 1}`,
    title: `${nth} ${noun}`,
  }))
}

export function registerAskingTools(server: McpServer): void {
  const sampling = { description: 'Asks the client to sample', inputSchema: z.object({ prompt: z.string() }) }
  server.registerTool('test_sampling', sampling, ({ prompt }, ctx) => sample(prompt, ctx))
  const elicitation = { description: 'Asks the person', inputSchema: z.object({ message: z.string() }) }
  server.registerTool('test_elicitation', elicitation, ({ message }, ctx) =>
    elicit('User response', message, WHO, ctx),
  )
  const defaults = { description: 'Asks the person, with defaults (SEP-1034)' }
  server.registerTool('test_elicitation_sep1034_defaults', defaults, (ctx) =>
    elicit('Elicitation completed', 'Please review the defaults', DEFAULTS, ctx),
  )
  const enums = { description: 'Asks the person to choose (SEP-1330)' }
  server.registerTool('test_elicitation_sep1330_enums', enums, (ctx) =>
    elicit('Elicitation completed', 'Please choose', ENUMS, ctx),
  )
}

function sample(prompt: string, ctx: ServerContext): CallToolResult | InputRequiredResult {
  const answer = inputResponse(ctx.mcpReq.inputResponses, 'sample')
  if (answer.kind === 'sampling') return text(`LLM response: ${textIn(answer.result.content)}`)
  const messages = [{ role: 'user' as const, content: { type: 'text' as const, text: prompt } }]
  return inputRequired({
    inputRequests: { sample: inputRequired.createMessage({ messages, maxTokens: 100 }) },
  })
}

function elicit(
  label: string,
  message: string,
  requestedSchema: RequestedSchema,
  ctx: ServerContext,
): CallToolResult | InputRequiredResult {
  const answer = inputResponse(ctx.mcpReq.inputResponses, 'answer')
  if (answer.kind === 'elicit') {
    return text(`${label}: action=${answer.action}, content=${JSON.stringify(answer.content ?? {})}`)
  }
  return inputRequired({ inputRequests: { answer: inputRequired.elicit({ message, requestedSchema }) } })
}

export function textIn(content: object | readonly object[]): string {
  const parts = Array.isArray(content) ? content : [content]
  return parts.map((part) => ('text' in part ? String(part.text) : '')).join('')
}

export function text(value: string): CallToolResult {
  return { content: [{ type: 'text', text: value }] }
}
