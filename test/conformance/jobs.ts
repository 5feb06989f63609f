// Owns the tools that the suite's scenarios of the tasks extension ask a server for.

import { setTimeout as delay } from 'node:timers/promises'
import { type Answer, type Jobs, type Members, missing, type Work } from '../support/tasks-server.ts'

const SECOND_MS = 1_000

export const JOBS: Jobs = {
  tools: [
    'greet',
    'slow_compute',
    'failing_job',
    'protocol_error_job',
    'confirm_delete',
    'multi_input',
    'test_tool_with_task',
  ].map((name) => ({ name, inputSchema: { type: 'object' } })),
  call(params, declared, work) {
    const { name } = params
    const given = isRecord(params.arguments) ? params.arguments : {}
    if (name === 'greet') return { result: said(`Hello, ${given.name}!`) }
    if (name === 'slow_compute') return slowly(Number(given.seconds ?? 0) * SECOND_MS, declared, work)
    return declared ? started(String(name), params, work) : { status: 400, error: missing() }
  },
  answered({ inputRequests, ...task }, inputResponses) {
    const asked = isRecord(inputRequests) ? inputRequests : {}
    const left = Object.entries(asked).filter(([key]) => !(key in inputResponses))
    if (left.length > 0) return { ...task, inputRequests: Object.fromEntries(left) }
    return { ...task, ...completed(`answered: ${JSON.stringify(inputResponses)}`) }
  },
}

async function slowly(afterMs: number, declared: boolean, { begin }: Work): Promise<Answer> {
  if (declared) return begin({ afterMs, change: completed('computed') })
  await delay(afterMs)
  return { result: said('computed') }
}

function started(name: string, { inputResponses }: Members, { begin }: Work): Answer {
  switch (name) {
    case 'failing_job':
      return begin({
        afterMs: SECOND_MS,
        change: { status: 'completed', result: { ...content('no'), isError: true } },
      })
    case 'protocol_error_job':
      return begin({ afterMs: 100, change: { status: 'failed', error: { code: -32603, message: 'broken' } } })
    case 'confirm_delete':
      return begin({ afterMs: 0, change: asking('confirm') })
    case 'multi_input':
      return begin({ afterMs: 0, change: asking('first', 'second') })
    default:
      return inputResponses === undefined
        ? { result: { resultType: 'input_required', ...asking('user_name'), requestState: 'asked' } }
        : begin({ afterMs: 100, change: completed(`gathered: ${JSON.stringify(inputResponses)}`) })
  }
}

function asking(...keys: readonly string[]): Members {
  const requestedSchema = { type: 'object', properties: { name: { type: 'string' } } }
  const params = { mode: 'form', message: 'What?', requestedSchema }
  const asked = keys.map((key) => [key, { method: 'elicitation/create', params }] as const)
  return { status: 'input_required', inputRequests: Object.fromEntries(asked) }
}

function completed(text: string): Members {
  return { status: 'completed', result: content(text) }
}

function said(text: string): Members {
  return { resultType: 'complete', ...content(text) }
}

function content(text: string): Members {
  return { content: [{ type: 'text', text }] }
}

function isRecord(value: unknown): value is Members {
  return typeof value === 'object' && value !== null
}
