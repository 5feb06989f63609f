// Owns the assembled demo upstream: its notebook, its endpoint, and what is told to subscribers.

import { createEndpoint, type Endpoint } from './endpoint.ts'
import { buildDemoServer } from './mcp-server.ts'
import { createNotebook } from './notebook.ts'
import { NOTES_URI } from './resources.ts'

export function createDemoEndpoint(): Endpoint {
  const notebook = createNotebook()
  const endpoint = createEndpoint((era) => buildDemoServer(era, notebook))
  notebook.onChange(() => endpoint.notify.resourceUpdated(NOTES_URI))
  return endpoint
}
