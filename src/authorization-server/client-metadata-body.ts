// Owns the body of a registration request before it is parsed for good: JSON that has one meaning, and not much of it.

import { IncomingMessage } from 'node:http'
import { OAuthError } from '../oauth/errors.ts'

export const LONGEST_BODY_BYTES = 16 * 1024
const DEEPEST = 10
const JSON_TYPE = /^application\/json\s*(?:;\s*charset\s*=\s*"?utf-8"?\s*)?$/i
/** The tokens of a JSON text that matter here, once it is known to be one. */
const TOKENS = /"(?:[^"\\]|\\.)*"|[{}[\]:]/g
/** Names that change an object instead of becoming a member of it. */
const MAGIC_NAMES: ReadonlySet<string> = new Set(['__proto__', 'constructor', 'prototype'])

/**
 * The JSON text of a registration request, unchanged. Throws for what two parsers could read differently: another
 * content type or encoding, a byte order mark, a name that occurs twice (RFC 8259 §4), deep nesting.
 */
export function readRegistrationBody(contentType: string | undefined, body: Buffer): string {
  if (!JSON_TYPE.test(contentType ?? '')) throw refused('must be sent as application/json in UTF-8')
  if (body.length > LONGEST_BODY_BYTES) throw refused(`must not be larger than ${LONGEST_BODY_BYTES} bytes`)
  const text = decode(body)
  parseObject(text)
  checkNames(text)
  return text
}

function decode(body: Buffer): string {
  try {
    // With ignoreBOM the mark stays in the text, where JSON.parse refuses it (RFC 8259 §8.1).
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(body)
  } catch (cause) {
    throw refused('must be UTF-8', cause)
  }
}

function parseObject(text: string): void {
  try {
    const value: unknown = JSON.parse(text)
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return
  } catch (cause) {
    throw refused('must be JSON, without a byte order mark', cause)
  }
  throw refused('must be a JSON object')
}

/** Walks the tokens of a text that is known to be JSON: every colon follows the name of a member. */
function checkNames(text: string): void {
  const open: Set<string>[] = []
  let last = ''
  for (const [token] of text.matchAll(TOKENS)) {
    if (token === '{' || token === '[') open.push(new Set())
    else if (token === '}' || token === ']') open.pop()
    else if (token === ':') addName(open.at(-1), JSON.parse(last))
    else last = token
    if (open.length > DEEPEST) throw refused(`must not be nested more than ${DEEPEST} deep`)
  }
}

function addName(names: Set<string> | undefined, name: string): void {
  if (MAGIC_NAMES.has(name)) throw refused('has a member with a reserved name')
  if (names?.has(name)) throw refused('has a member twice')
  names?.add(name)
}

function refused(why: string, cause?: unknown): OAuthError {
  return new OAuthError('invalid_client_metadata', `the registration request ${why}`, { cause })
}

/** The same request with its body still to be read, for oidc-provider, which wants to read it itself. */
export function withBody(request: IncomingMessage, body: string): IncomingMessage {
  const again = new IncomingMessage(request.socket)
  const { method, url, headers, rawHeaders, httpVersion, httpVersionMajor, httpVersionMinor } = request
  const length = String(Buffer.byteLength(body))
  Object.assign(again, { method, url, rawHeaders, httpVersion, httpVersionMajor, httpVersionMinor })
  Object.assign(again.headers, headers, { 'content-length': length })
  delete again.headers['transfer-encoding']
  // The socket is not to be closed as if the rest of the request had been lost.
  again.complete = true
  again.push(body)
  again.push(null)
  return again
}
