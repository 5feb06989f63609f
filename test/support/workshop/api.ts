// Owns the workshop as an HTTP API, which has of a workshop what an API can have.

import type { ServerResponse } from 'node:http'
import type { Teardown } from '../database.ts'
import { startShop } from '../shop-api.ts'
import { noCounts, waitLong } from './plan.ts'

const NUMBER = { in: 'query', required: true, schema: { type: 'number' } }

const DOCUMENT = {
  openapi: '3.1.0',
  info: { title: 'Workshop', version: '1.0.0' },
  servers: [{ url: '/' }],
  paths: {
    '/sum': {
      get: {
        operationId: 'add',
        parameters: [
          { ...NUMBER, name: 'a' },
          { ...NUMBER, name: 'b' },
        ],
        responses: { 200: { description: 'ok' } },
      },
    },
    '/broken': { get: { operationId: 'fail', responses: { 200: { description: 'ok' } } } },
    '/wait': { get: { operationId: 'wait', responses: { 200: { description: 'ok' } } } },
    '/waits': { get: { operationId: 'waits', responses: { 200: { description: 'ok' } } } },
  },
}

/** Returns where its OpenAPI document is. */
export async function startWorkshopApi(t: Teardown): Promise<string> {
  const shop = await startShop(t)
  const counts = noCounts()
  shop.serve(DOCUMENT)
  const say = (res: ServerResponse, status: number, value: unknown) =>
    res.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value))
  shop.answer((res, { target }) => {
    const { pathname, searchParams } = new URL(target, shop.origin)
    if (pathname === '/sum')
      say(res, 200, { sum: Number(searchParams.get('a')) + Number(searchParams.get('b')) })
    else if (pathname === '/waits') say(res, 200, counts)
    else if (pathname === '/wait') {
      const left = new AbortController()
      res.once('close', () => left.abort())
      void waitLong(counts, left.signal)
    } else say(res, 409, { message: 'The saw is broken.' })
  })
  return `${shop.origin}/openapi`
}
