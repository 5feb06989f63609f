// Owns an https server for documents in tests, and the outbound fetch that is allowed to reach it under any name.

import { readFileSync } from 'node:fs'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer } from 'node:https'
import type { OutboundOptions } from '../../src/http/outbound.ts'
import { listenLocally } from './local-server.ts'

const [key, certificate] = ['key', 'certificate'].map((name) =>
  readFileSync(new URL(`tls/${name}.pem`, import.meta.url), 'utf8'),
)

/** For `document.test`, everything below it, and the hosts of real clients (real-clients.ts); its own authority. */
export const CERTIFICATE = certificate ?? ''

export interface DocumentServer {
  readonly port: number
  /** Every request that arrived, in order. */
  readonly requests: { readonly url: string; readonly headers: IncomingMessage['headers'] }[]
  /** Every TCP connection that was opened, whatever came of it. */
  connections(): number
  close(): Promise<void>
}

export type Answer = (request: IncomingMessage, response: ServerResponse) => void

/** Answers every host name on 127.0.0.1. */
export async function startDocumentServer(answer: Answer): Promise<DocumentServer> {
  const requests: DocumentServer['requests'] = []
  let connections = 0
  const server = createServer({ key, cert: certificate }, (request, response) => {
    requests.push({ url: request.url ?? '', headers: request.headers })
    answer(request, response)
  })
  server.on('connection', () => {
    connections += 1
  })
  const port = await listenLocally(server)
  return {
    port,
    requests,
    connections: () => connections,
    close: async () => {
      server.closeAllConnections()
      server.close()
    },
  }
}

/** Serves JSON by path; everything else is 404. */
export function serving(documents: Readonly<Record<string, unknown>>): Answer {
  return (request, response) => {
    const document = documents[`https://${request.headers.host}${request.url}`]
    if (document === undefined) return response.writeHead(404).end()
    return response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(document))
  }
}

/** What createOutboundFetch needs to reach the server: names lead to it, and its address is allowed. */
export function reaching({ port }: Pick<DocumentServer, 'port'>): Omit<OutboundOptions, 'ownOrigin'> {
  return {
    resolve: async () => ['127.0.0.1'],
    isAllowed: (address) => address === '127.0.0.1',
    dialPort: port,
    ca: CERTIFICATE,
  }
}
