// Owns the prompts: plain, with arguments and completion, with content, and one that asks first (SEP-2322).

import {
  acceptedContent,
  completable,
  type GetPromptResult,
  inputRequired,
  type McpServer,
} from '@modelcontextprotocol/server'
import { z } from 'zod'
import { PNG } from './samples.ts'

type Content = GetPromptResult['messages'][number]['content']

const PLACES = ['paris', 'park', 'party']
const CONTEXT = z.object({ context: z.string() })

const TWO = z.object({
  arg1: completable(z.string(), (typed) => PLACES.filter((place) => place.startsWith(typed))),
  arg2: z.string(),
})

export function registerPrompts(server: McpServer): void {
  server.registerPrompt('test_simple_prompt', { description: 'Plain' }, () =>
    prompt([text('This is a simple prompt for testing.')]),
  )
  const two = { description: 'With two arguments', argsSchema: TWO }
  server.registerPrompt('test_prompt_with_arguments', two, ({ arg1, arg2 }) =>
    prompt([text(`Prompt with arguments: arg1='${arg1}', arg2='${arg2}'`)]),
  )
  const embedding = { description: 'With a resource', argsSchema: z.object({ resourceUri: z.string() }) }
  server.registerPrompt('test_prompt_with_embedded_resource', embedding, ({ resourceUri: uri }) => {
    const resource = { uri, mimeType: 'text/plain', text: 'Embedded resource content for testing.' }
    return prompt([{ type: 'resource', resource }, text('Please process the embedded resource above.')])
  })
  server.registerPrompt('test_prompt_with_image', { description: 'With an image' }, () =>
    prompt([{ type: 'image', data: PNG, mimeType: 'image/png' }, text('Please analyze the image above.')]),
  )
  server.registerPrompt('test_input_required_result_prompt', { description: 'Asks first' }, (ctx) => {
    const context = acceptedContent(ctx.mcpReq.inputResponses, 'user_context', CONTEXT)?.context
    if (context !== undefined) return prompt([text(`Use this context: ${context}`)])
    const message = 'What context should the prompt use?'
    const question = inputRequired.elicit({ message, requestedSchema: CONTEXT })
    return inputRequired({ inputRequests: { user_context: question } })
  })
}

function prompt(contents: readonly Content[]): GetPromptResult {
  return { messages: contents.map((content) => ({ role: 'user', content })) }
}

function text(value: string): Content {
  return { type: 'text', text: value }
}
