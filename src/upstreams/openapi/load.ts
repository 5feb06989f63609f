// Owns the loading of an API: its document from a file or a URL, its operations, and where it is.

import { open } from 'node:fs/promises'
import { discard, readText, UnreadableAnswer } from '../../http/answer-body.ts'
import type { Connections } from '../../http/connections.ts'
import { isRecord, type Members } from '../../mcp/rpc.ts'
import { headersFor } from '../legacy/http-headers.ts'
import type { OpenApiUpstream } from '../settings.ts'
import { readDocument } from './document.ts'
import { type Operations, operationsOf } from './operations.ts'
import { DocumentProblem, LOOK_THERE, notHad } from './problem.ts'

export interface Api extends Operations {
  /** `info` of the document. */
  readonly info: Members
  readonly base: string
}

const MAX_BYTES = 16 * 1024 * 1024
const TIMEOUT_MS = 30_000
const SAY_WHERE = { part: 'servers', advice: 'Say with url of this upstream where the API is.' }
const ACCEPT = 'application/json, application/yaml, application/vnd.oai.openapi+json, */*;q=0.1'

/** Rejects with a `DocumentProblem`. */
export async function loadApi(upstream: OpenApiUpstream, connections: Connections): Promise<Api> {
  const isRemote = /^https?:/i.test(upstream.document)
  const reading = isRemote ? fetchText(upstream, connections) : readFile(upstream.document)
  const text = await reading.catch((cause: unknown) => {
    throw notHad(cause)
  })
  const document = await readDocument(text)
  const operations = operationsOf(document, upstream)
  if (operations.byName.size === 0)
    throw new DocumentProblem('No operation of the document is selected.', {
      part: 'operations',
      advice: 'Let operations or writes of this upstream select some.',
    })
  const info = isRecord(document.info) ? document.info : {}
  return { ...operations, info, base: baseOf(upstream, document, isRemote) }
}

async function readFile(path: string): Promise<string> {
  await using file = await open(path)
  const { size } = await file.stat()
  if (size > MAX_BYTES) throw tooLarge()
  return file.readFile('utf8')
}

async function fetchText(upstream: OpenApiUpstream, connections: Connections): Promise<string> {
  const { document, url } = upstream
  // Our headers are for the API. Where the document is somewhere else, that is somebody else.
  const shown = url === null || new URL(url).origin === new URL(document).origin ? upstream.headers : {}
  const headers = headersFor(shown, { kind: 'none' }, { accept: ACCEPT })
  const signal = AbortSignal.timeout(TIMEOUT_MS)
  const answer = await connections.request({ method: 'GET', url: document, headers, body: null, signal })
  if (answer.status === 200)
    return await readText(answer.body, MAX_BYTES).catch((cause: unknown) => {
      throw cause instanceof UnreadableAnswer ? tooLarge() : cause
    })
  await discard(answer.body)
  throw new DocumentProblem(`The document cannot be had: the answer was ${answer.status}.`, {
    advice: LOOK_THERE,
  })
}

function tooLarge(): DocumentProblem {
  return new DocumentProblem(`The document has more than ${MAX_BYTES} bytes.`)
}

/** Where the document is trusted with our headers, it may say where they go; a stranger's may not. */
function baseOf({ url, document: place }: OpenApiUpstream, document: Members, isRemote: boolean): string {
  if (url !== null) return url
  const base = URL.parse(serverOf(document), isRemote ? place : undefined)
  if (base === null || !/^https?:$/.test(base.protocol) || base.username !== '' || base.password !== '')
    throw new DocumentProblem('The document does not say where the API is; url has to.', SAY_WHERE)
  if (isRemote && base.origin !== new URL(place).origin)
    throw new DocumentProblem(
      'The API is not at the origin of its document, so url has to say where it is.',
      SAY_WHERE,
    )
  base.hash = ''
  return base.href
}

/** OpenAPI 3.1 §4.8.5: the first one, with the defaults of its variables; `/` without any. */
function serverOf(document: Members): string {
  const [server]: readonly unknown[] = Array.isArray(document.servers) ? document.servers : []
  if (!isRecord(server) || typeof server.url !== 'string') return '/'
  const { variables } = server
  return server.url.replace(/\{([^{}]+)\}/g, (_, name: string) => {
    const variable = isRecord(variables) && Object.hasOwn(variables, name) ? variables[name] : undefined
    return isRecord(variable) ? String(variable.default) : ''
  })
}
