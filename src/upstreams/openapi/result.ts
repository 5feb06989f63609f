// Owns what an API's answer is as the result of a tool.

import type { IncomingHttpHeaders } from 'node:http'
import { mediaTypeOf } from '../../http/answer-body.ts'
import { parseShallow } from '../../mcp/exact-json.ts'
import { isRecord, type Members } from '../../mcp/rpc.ts'
import { isJson } from './parameters.ts'

export interface ApiAnswer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly body: Buffer
}

const MAX_ERROR_CHARACTERS = 4_000

/** `resultType` included. What the API says about an error is told; its headers and where it is are not. */
export function toolResult({ status, headers, body }: ApiAnswer, tool: string): Members {
  const type = mediaTypeOf(headers['content-type'])
  if (status >= 300) return failed(errorText(status, type, body))
  if (body.length === 0) return complete([text(`Done (${status}).`)])
  if (isJson(type)) return jsonResult(body)
  if (type.startsWith('text/') || isTextual(type)) return complete([text(body.toString('utf8'))])
  const mimeType = type || 'application/octet-stream'
  const data = body.toString('base64')
  if (type.startsWith('image/')) return complete([{ type: 'image', data, mimeType }])
  if (type.startsWith('audio/')) return complete([{ type: 'audio', data, mimeType }])
  return complete([{ type: 'resource', resource: { uri: `answer:${tool}`, mimeType, blob: data } }])
}

/** MCP 2026-07-28, server/tools.mdx, "Error Handling": so that the model can see it, and do better. */
export function failed(why: string): Members {
  return { ...complete([text(why)]), isError: true }
}

function jsonResult(body: Buffer): Members {
  const written = body.toString('utf8')
  const value = parsed(written)
  // Only an object is one in every revision.
  return { ...complete([text(written)]), ...(isRecord(value) && { structuredContent: value }) }
}

function parsed(written: string): unknown {
  try {
    return parseShallow(written)
  } catch {
    return undefined
  }
}

function isTextual(type: string): boolean {
  return /[/+](?:xml|yaml|javascript|x-ndjson)$/.test(type)
}

function errorText(status: number, type: string, body: Buffer): string {
  if (status < 400) return `The API answered with a redirect (${status}), which is not followed.`
  // RFC 9110 §11: about what we present, which is nobody's business.
  if (status === 401 || status === 407) return `The API does not accept what it is shown (${status}).`
  const said = isJson(type) || type === 'text/plain' ? body.toString('utf8').trim() : ''
  const shown = said.length > MAX_ERROR_CHARACTERS ? `${said.slice(0, MAX_ERROR_CHARACTERS)}…` : said
  return shown === ''
    ? `The API answered with an error (${status}).`
    : `The API answered with an error (${status}): ${shown}`
}

function text(value: string): Members {
  return { type: 'text', text: value }
}

function complete(content: readonly Members[]): Members {
  return { resultType: 'complete', content }
}
