// Owns an HTTP API for tests: a small shop, which says in OpenAPI what it has, and remembers what it was asked.

import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http'
import { serveLocally } from './local-server.ts'

export interface Arrival {
  readonly method: string
  /** Path and query, as they were sent. */
  readonly target: string
  readonly headers: IncomingHttpHeaders
  readonly body: string
}

export interface Shop {
  readonly origin: string
  readonly arrivals: Arrival[]
  /** What `/openapi` answers with. */
  serve(document: string | object): void
  /** What everything else answers with, instead of what was asked. */
  answer(script: (res: ServerResponse, arrival: Arrival) => void): void
}

type Teardown = { teardown(close: () => Promise<void>): unknown }

export async function startShop(t: Teardown): Promise<Shop> {
  const arrivals: Arrival[] = []
  let document: string | object = SHOP_3_1
  let script = (res: ServerResponse, { method, target, body }: Arrival) =>
    answerJson(res, 200, { method, target, body })
  const server = createServer(async (req, res) => {
    if (req.url === '/openapi') {
      res.writeHead(200).end(typeof document === 'string' ? document : JSON.stringify(document))
      return
    }
    const { method = '', url = '', headers } = req
    const arrival = { method, target: url, headers, body: await bodyOf(req) }
    arrivals.push(arrival)
    script(res, arrival)
  })
  const origin = await serveLocally(t, server)
  return {
    origin,
    arrivals,
    serve(given) {
      document = given
    },
    answer(given) {
      script = given
    },
  }
}

function answerJson(res: ServerResponse, status: number, value: unknown): void {
  res.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value))
}

async function bodyOf(req: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of req) chunks.push(chunk)
  return Buffer.concat(chunks).toString('utf8')
}

export const SHOP_3_0 = `
openapi: 3.0.3
info: { title: Shop, version: 1.2.3, description: Sells pets. }
paths:
  /pets:
    get:
      operationId: listPets
      summary: List pets
      parameters:
        - { name: kind, in: query, schema: { type: string, enum: [cat, dog], nullable: true } }
        - { name: tags, in: query, schema: { type: array, items: { type: string } } }
        - { name: age, in: query, schema: { type: number, minimum: 0, exclusiveMinimum: true } }
      responses: { '200': { description: ok } }
    post:
      operationId: addPet
      summary: Add a pet
      requestBody: { $ref: '#/components/requestBodies/Pet' }
      responses: { '201': { description: made } }
  /pets/{petId}:
    parameters:
      - { $ref: '#/components/parameters/PetId' }
    get:
      operationId: getPet
      summary: Get a pet
      description: One pet, with everything about it.
      parameters:
        - { name: X-Trace, in: header, schema: { type: string } }
        - { name: session, in: cookie, schema: { type: string } }
        - { name: Authorization, in: header, schema: { type: string } }
        - { name: X-Api-Key, in: header, schema: { type: string } }
      responses: { '200': { description: ok } }
    put:
      operationId: replacePet
      requestBody: { $ref: '#/components/requestBodies/Pet' }
      responses: { '200': { description: ok } }
    delete:
      operationId: deletePet
      responses: { '204': { description: gone } }
components:
  parameters:
    PetId: { name: petId, in: path, required: true, schema: { type: string } }
  requestBodies:
    Pet:
      required: true
      content: { application/json: { schema: { $ref: '#/components/schemas/Pet' } } }
  schemas:
    Pet:
      type: object
      required: [name]
      properties:
        name: { type: string, example: Rex }
        parent: { $ref: '#/components/schemas/Pet' }
        owner: { type: string, nullable: true }
`

export const SHOP_3_1 = {
  openapi: '3.1.0',
  info: { title: 'Shop', version: '2.0.0' },
  servers: [{ url: '/{version}', variables: { version: { default: 'v1' } } }],
  paths: {
    '/pets/{petId}': {
      get: {
        operationId: 'getPet',
        parameters: [{ name: 'petId', in: 'path', required: true, schema: { type: ['string', 'null'] } }],
        responses: { 200: { description: 'ok' } },
      },
    },
    '/search': {
      get: {
        parameters: [
          { name: 'filter', in: 'query', style: 'deepObject', explode: true, schema: { type: 'object' } },
          { name: 'ids', in: 'query', explode: false, schema: { type: 'array', items: { type: 'integer' } } },
          {
            name: 'pipes',
            in: 'query',
            style: 'pipeDelimited',
            explode: false,
            schema: { type: 'array', items: {} },
          },
          {
            name: 'page',
            in: 'query',
            schema: { type: 'object', properties: { size: { type: 'integer' } } },
          },
          { name: 'where', in: 'query', content: { 'application/json': { schema: { type: 'object' } } } },
        ],
        responses: { 200: { description: 'ok' } },
      },
      head: { operationId: 'probe', responses: { 200: { description: 'ok' } } },
    },
    '/notes': {
      post: {
        operationId: 'note',
        requestBody: { content: { 'text/plain': { schema: { type: 'string' } } } },
        responses: { 200: { description: 'ok' } },
      },
      patch: {
        operationId: 'form',
        requestBody: { content: { 'application/x-www-form-urlencoded': { schema: { type: 'object' } } } },
        responses: { 200: { description: 'ok' } },
      },
    },
  },
}
