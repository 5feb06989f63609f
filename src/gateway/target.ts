// Owns the target of a request: the place that its path names, exactly, and nothing else of the URL.

import type { Place, Registry } from '../upstreams/registry.ts'
import { Refusal } from './refusal.ts'

/** Where the path leads, or a refusal (404). The text is compared as it was sent: other spellings are other paths. */
export function findPlace(registry: Registry, url = ''): Place {
  const { path } = split(url)
  const place = registry.find(path)
  if (place) return place
  throw notFound(registry.find(path.replace(/\/+$/, '')))
}

/** MCP, "Token Requirements", and RFC 6750 §2.3: a URL ends up in logs. The rest of a query is ignored. */
export function refuseTokenInQuery(url = ''): void {
  const { query } = split(url)
  if (query === '' || !new URLSearchParams(query).has('access_token')) return
  throw new Refusal({
    status: 400,
    reason: 'token',
    body: describe('invalid_request', 'An access token belongs in the Authorization header'),
  })
}

function split(url: string): { path: string; query: string } {
  const mark = url.indexOf('?')
  return mark === -1 ? { path: url, query: '' } : { path: url.slice(0, mark), query: url.slice(mark + 1) }
}

/** `meant`: what is there without the slash at the end. People copy addresses with one, and wonder. */
function notFound(meant: Place | null | undefined): Refusal {
  const hint = meant ? `; without the slash at its end there is: ${meant.resource.identifier}` : ''
  return new Refusal({
    status: 404,
    reason: 'path',
    body: describe('not_found', `There is no MCP server at this path${hint}`),
  })
}

function describe(error: string, description: string): string {
  return JSON.stringify({ error, error_description: description })
}
