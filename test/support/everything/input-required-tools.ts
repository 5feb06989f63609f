// Owns the tools of the multi-round-trip pattern of 2026-07-28 (SEP-2322), each one round or more of questions.

import {
  acceptedContent,
  type CallToolResult,
  createRequestStateCodec,
  type InputRequests,
  type InputRequiredResult,
  inputRequired,
  inputResponse,
  type McpServer,
  type ServerContext,
} from '@modelcontextprotocol/server'
import { z } from 'zod'
import { text, textIn } from './asking-tools.ts'

type Outcome = CallToolResult | InputRequiredResult
type Tool = (ctx: ServerContext, server: McpServer) => Outcome | Promise<Outcome>

const NAME = z.object({ name: z.string() })
const COLOR = z.object({ color: z.string() })
const CONFIRMATION = z.object({ ok: z.boolean() })

/** What a round knows travels through the client, so it is signed; any instance of this process can verify it. */
export const STATE = createRequestStateCodec<{ step: number; name?: string }>({
  key: crypto.getRandomValues(new Uint8Array(32)),
})

const TOOLS: Readonly<Record<string, Tool>> = {
  test_input_required_result_elicitation: (ctx) => {
    const name = acceptedContent(ctx.mcpReq.inputResponses, 'user_name', NAME)?.name
    return name === undefined ? ask({ user_name: askName() }) : text(`Hello, ${name}!`)
  },
  test_input_required_result_sampling: (ctx) => {
    const answer = inputResponse(ctx.mcpReq.inputResponses, 'capital_question')
    if (answer.kind === 'sampling') return text(textIn(answer.result.content))
    return ask({ capital_question: askModel('What is the capital of France?', 100) })
  },
  test_input_required_result_list_roots: (ctx) => {
    const answer = inputResponse(ctx.mcpReq.inputResponses, 'client_roots')
    if (answer.kind === 'roots') return text(`Roots: ${answer.roots.map((root) => root.uri).join(', ')}`)
    return ask({ client_roots: inputRequired.listRoots() })
  },
  test_input_required_result_request_state: (ctx) => confirmWithState(ctx),
  test_input_required_result_tampered_state: (ctx) => confirmWithState(ctx),
  test_input_required_result_multiple_inputs: async (ctx) => {
    const responses = ctx.mcpReq.inputResponses
    const name = acceptedContent(responses, 'user_name', NAME)?.name
    const greeting = inputResponse(responses, 'greeting')
    const roots = inputResponse(responses, 'client_roots')
    if (name !== undefined && greeting.kind === 'sampling' && roots.kind === 'roots') {
      return text(`${textIn(greeting.result.content)} ${name}, ${roots.roots.length} roots`)
    }
    const requests = {
      user_name: askName(),
      greeting: askModel('Generate a greeting', 50),
      client_roots: inputRequired.listRoots(),
    }
    return ask(requests, await STATE.mint({ step: 1 }))
  },
  test_input_required_result_multi_round: async (ctx) => {
    const state = ctx.mcpReq.requestState<{ step: number; name?: string }>()
    const color = acceptedContent(ctx.mcpReq.inputResponses, 'step2', COLOR)?.color
    if (state?.step === 2 && color !== undefined) return text(`${state.name} likes ${color}`)
    const name = acceptedContent(ctx.mcpReq.inputResponses, 'step1', NAME)?.name
    if (state?.step === 1 && name !== undefined) {
      const step2 = inputRequired.elicit({
        message: 'Step 2: What is your favorite color?',
        requestedSchema: COLOR,
      })
      return ask({ step2 }, await STATE.mint({ step: 2, name }))
    }
    const step1 = inputRequired.elicit({ message: 'Step 1: What is your name?', requestedSchema: NAME })
    return ask({ step1 }, await STATE.mint({ step: 1 }))
  },
  test_input_required_result_capabilities: (ctx, server) => {
    if (ctx.mcpReq.inputResponses !== undefined) return text('Asked only for what the client can do.')
    const capabilities = server.server.getClientCapabilities()
    const requests = {
      ...(capabilities?.elicitation && { user_name: askName() }),
      ...(capabilities?.sampling && { greeting: askModel('Generate a greeting', 50) }),
      ...(capabilities?.roots && { client_roots: inputRequired.listRoots() }),
    }
    return Object.keys(requests).length > 0 ? ask(requests) : text('The client can do nothing.')
  },
  test_missing_capability: (ctx) => {
    const answer = inputResponse(ctx.mcpReq.inputResponses, 'answer')
    if (answer.kind === 'sampling') return text(textIn(answer.result.content))
    return ask({ answer: askModel('Reply with one word', 16) })
  },
}

export function registerInputRequiredTools(server: McpServer): void {
  for (const [name, tool] of Object.entries(TOOLS)) {
    server.registerTool(name, { description: `Asks before it answers: ${name}` }, (ctx) => tool(ctx, server))
  }
}

async function confirmWithState(ctx: ServerContext): Promise<Outcome> {
  const ok = acceptedContent(ctx.mcpReq.inputResponses, 'confirm', CONFIRMATION)?.ok
  // The state was verified before this handler ran: one that was tampered with never arrives here.
  if (ok === true && ctx.mcpReq.requestState() !== undefined) return text('state-ok')
  const confirm = inputRequired.elicit({ message: 'Please confirm', requestedSchema: CONFIRMATION })
  return ask({ confirm }, await STATE.mint({ step: 1 }))
}

function ask(inputRequests: InputRequests, requestState?: string): InputRequiredResult {
  return inputRequired({ inputRequests, ...(requestState !== undefined && { requestState }) })
}

function askName() {
  return inputRequired.elicit({ message: 'What is your name?', requestedSchema: NAME })
}

function askModel(question: string, maxTokens: number) {
  const messages = [{ role: 'user' as const, content: { type: 'text' as const, text: question } }]
  return inputRequired.createMessage({ messages, maxTokens })
}
